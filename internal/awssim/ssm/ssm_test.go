package ssm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/droverhq/drover/internal/awssim"
	ssmsim "github.com/droverhq/drover/internal/awssim/ssm"
	"github.com/droverhq/drover/internal/clock"
	"github.com/droverhq/drover/internal/event"
)

var dawn = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

type scene struct {
	t      *testing.T
	clock  *clock.Virtual
	world  *awssim.World
	sim    *ssmsim.Service
	client *ssm.Client
	events []event.Event
}

func newScene(t *testing.T, o awssim.Options) *scene {
	s := &scene{t: t, clock: clock.NewVirtual(dawn), sim: ssmsim.New()}
	s.world = awssim.New(s.clock, o, s.sim)
	s.world.Subscribe(func(e event.Event) { s.events = append(s.events, e) })
	s.client = ssm.NewFromConfig(s.world.Config(), func(o *ssm.Options) { o.RetryMaxAttempts = 1 })
	return s
}

// set makes parameters that the test then looks at.
func (s *scene) set(name, value string, kind types.ParameterType) {
	s.t.Helper()
	if err := s.sim.Set(name, value, kind); err != nil {
		s.t.Fatal(err)
	}
}

func (s *scene) get(in *ssm.GetParameterInput) (types.Parameter, error) {
	out, err := s.client.GetParameter(s.t.Context(), in)
	if err != nil {
		return types.Parameter{}, err
	}
	return *out.Parameter, nil
}

func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

func TestPut(t *testing.T) {
	const text, list, secret = types.ParameterTypeString, types.ParameterTypeStringList, types.ParameterTypeSecureString
	over := aws.Bool(true)
	tests := map[string]struct {
		in   ssm.PutParameterInput
		want string // the error's code
	}{
		"new":                  {ssm.PutParameterInput{Type: text}, ""},
		"new list":             {ssm.PutParameterInput{Type: list}, ""},
		"new secret":           {ssm.PutParameterInput{Type: secret, KeyId: aws.String("alias/own")}, ""},
		"new, overwriting":     {ssm.PutParameterInput{Type: text, Overwrite: over}, ""},
		"new without a type":   {ssm.PutParameterInput{}, "ValidationException"},
		"of no type":           {ssm.PutParameterInput{Type: "Number"}, "UnsupportedParameterType"},
		"a key for plain text": {ssm.PutParameterInput{Type: text, KeyId: aws.String("alias/own")}, "ValidationException"},
		"empty":                {ssm.PutParameterInput{Type: text, Value: aws.String("")}, "ValidationException"},
		"too long":             {ssm.PutParameterInput{Type: text, Value: aws.String(strings.Repeat("x", 4097))}, "ValidationException"},
		"a name of AWS":        {ssm.PutParameterInput{Type: text, Name: aws.String("/aws/mine")}, "ValidationException"},
		"a name of SSM":        {ssm.PutParameterInput{Type: text, Name: aws.String("SSM-mine")}, "ValidationException"},
		"no leading slash":     {ssm.PutParameterInput{Type: text, Name: aws.String("a/b")}, "ValidationException"},
		"a name with a blank":  {ssm.PutParameterInput{Type: text, Name: aws.String("a b")}, "ValidationException"},
		"15 levels":            {ssm.PutParameterInput{Type: text, Name: aws.String(strings.Repeat("/a", 15))}, ""},
		"16 levels":            {ssm.PutParameterInput{Type: text, Name: aws.String(strings.Repeat("/a", 16))}, "HierarchyLevelLimitExceededException"},
		"there already":        {ssm.PutParameterInput{Type: text, Name: aws.String("/old")}, "ParameterAlreadyExists"},
		"there, overwriting":   {ssm.PutParameterInput{Name: aws.String("/old"), Overwrite: over}, ""},
		"there, of other type": {ssm.PutParameterInput{Type: secret, Name: aws.String("/old"), Overwrite: over}, "HierarchyTypeMismatchException"},
		"there, with its type": {ssm.PutParameterInput{Type: text, Name: aws.String("/old"), Overwrite: over}, ""},
		"data type, not known": {ssm.PutParameterInput{Type: text, DataType: aws.String("aws:ssm:integration")}, "not modelled"},
		"data type, a secret":  {ssm.PutParameterInput{Type: secret, DataType: aws.String("aws:ec2:image")}, "ValidationException"},
		"data type, a text":    {ssm.PutParameterInput{Type: text, DataType: aws.String("text")}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t, awssim.Options{})
			s.set("/old", "v", text)
			before := s.sim.Parameters()
			if tt.in.Name == nil {
				tt.in.Name = aws.String("new")
			}
			if tt.in.Value == nil {
				tt.in.Value = aws.String("w")
			}
			_, err := s.client.PutParameter(t.Context(), &tt.in)
			var not *awssim.NotModelled
			switch {
			case tt.want == "not modelled" && errors.As(err, &not):
			case err != nil && code(err) != tt.want, err == nil && tt.want != "":
				t.Errorf("got %v, want %q", err, tt.want)
			}
			if same := cmp.Equal(before, s.sim.Parameters(), cmp.AllowUnexported(types.Parameter{})); same != (tt.want != "") {
				t.Errorf("the parameters stayed as they were: %t", same)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	s := newScene(t, awssim.Options{})
	for n := range 102 {
		s.clock.Advance(time.Second)
		s.set("/app/ami", fmt.Sprintf("ami-%d", n+1), types.ParameterTypeString)
	}
	const arn = "arn:aws:ssm:us-west-1:123456789012:parameter/app/ami"
	s.set("flat", "x", types.ParameterTypeString)
	tests := map[string]struct{ want, err string }{
		"/app/ami":      {"ami-102 102 ", ""},
		"/app/ami:101":  {"ami-101 101 :101", ""},
		"/app/ami:3":    {"ami-3 3 :3", ""},
		"/app/ami:2":    {"", "ParameterVersionNotFound"}, // one of a hundred kept no more
		"/app/ami:prod": {"", "ParameterVersionNotFound"},
		arn:             {"ami-102 102 ", ""},
		arn + ":50":     {"ami-50 50 :50", ""},
		"app/ami":       {"", "ParameterNotFound"},
		"/app":          {"", "ParameterNotFound"},
		"arn:aws:ssm:us-west-1:123456789012:parameter/flat": {"x 1 ", ""},
		"arn:aws:ssm:us-west-1:123456789012:parameter/flot": {"", "ParameterNotFound"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := s.get(&ssm.GetParameterInput{Name: &name})
			if code(err) != tt.err {
				t.Fatalf("got %v, want %q", err, tt.err)
			}
			if err != nil {
				return
			}
			if got := fmt.Sprintf("%s %d %s", *p.Value, p.Version, aws.ToString(p.Selector)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	p, err := s.get(&ssm.GetParameterInput{Name: aws.String("/app/ami")})
	if err != nil || *p.ARN != arn || *p.Name != "/app/ami" || !p.LastModifiedDate.Equal(dawn.Add(102*time.Second)) {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, name := range []string{"arn:aws:ssm:eu-west-1:123456789012:parameter/flat", "/aws/service/ami-amazon-linux-latest/x"} {
		var not *awssim.NotModelled
		if _, err := s.get(&ssm.GetParameterInput{Name: &name}); !errors.As(err, &not) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestSecrets(t *testing.T) {
	s := newScene(t, awssim.Options{})
	s.set("/s", "secret", types.ParameterTypeSecureString)
	s.set("/t", "text", types.ParameterTypeString)
	for name, want := range map[string]string{"/s": "secret", "/t": "text"} {
		p, err := s.get(&ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
		if err != nil || *p.Value != want {
			t.Errorf("%s decrypted: %v, %v", name, p, err)
		}
	}
	hidden, err := s.get(&ssm.GetParameterInput{Name: aws.String("/s")})
	if err != nil || !strings.HasPrefix(*hidden.Value, "AQICAH") || hidden.Type != types.ParameterTypeSecureString {
		t.Errorf("not decrypted: %v, %v", hidden, err)
	}
	s.set("/s", "secret", "")
	again, err := s.get(&ssm.GetParameterInput{Name: aws.String("/s")})
	if err != nil || *again.Value == *hidden.Value {
		t.Errorf("the same text for two versions: %v, %v", again, err)
	}
}

func TestGetSeveral(t *testing.T) {
	s := newScene(t, awssim.Options{})
	for _, name := range []string{"/b", "/a", "/a/x", "/a/x/1", "/a/x/2", "/a/y", "/ab"} {
		s.set(name, name, types.ParameterTypeString)
	}
	names := func(all []types.Parameter) string {
		var got []string
		for _, p := range all {
			got = append(got, *p.Name)
		}
		return strings.Join(got, " ")
	}
	out, err := s.client.GetParameters(t.Context(), &ssm.GetParametersInput{Names: []string{"/b", "/none", "/a", "/a:7"}})
	if err != nil || names(out.Parameters) != "/a /b" || !slices.Equal(out.InvalidParameters, []string{"/none", "/a:7"}) {
		t.Errorf("got %v, %v", out, err)
	}
	_, err = s.client.GetParameters(t.Context(), &ssm.GetParametersInput{Names: make([]string, 11)})
	if code(err) != "ValidationException" {
		t.Errorf("11 names: %v", err)
	}
	for path, want := range map[string][2]string{ // one level, all of them
		"/":     {"/a /ab /b", "/a /a/x /a/x/1 /a/x/2 /a/y /ab /b"},
		"/a":    {"/a/x /a/y", "/a/x /a/x/1 /a/x/2 /a/y"},
		"/a/x/": {"/a/x/1 /a/x/2", "/a/x/1 /a/x/2"},
		"/none": {"", ""},
	} {
		for i, recursive := range []bool{false, true} {
			var all []types.Parameter
			for p := ssm.NewGetParametersByPathPaginator(s.client, &ssm.GetParametersByPathInput{Path: &path, Recursive: &recursive}); p.HasMorePages(); {
				page, err := p.NextPage(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, page.Parameters...)
			}
			if got := names(all); got != want[i] {
				t.Errorf("%s, recursive %t: got %q, want %q", path, recursive, got, want[i])
			}
		}
	}
	for _, in := range []ssm.GetParametersByPathInput{{Path: aws.String("a")}, {Path: aws.String("/a"), MaxResults: aws.Int32(11)}} {
		if _, err = s.client.GetParametersByPath(t.Context(), &in); code(err) != "ValidationException" {
			t.Errorf("%s: %v", *in.Path, err)
		}
	}
	var not *awssim.NotModelled
	if _, err = s.client.GetParametersByPath(t.Context(), &ssm.GetParametersByPathInput{Path: aws.String("/aws/service")}); !errors.As(err, &not) {
		t.Errorf("parameters of AWS: %v", err)
	}
	if err := s.sim.Set("/new", "v", ""); err == nil || !strings.HasPrefix(err.Error(), "set parameter /new: ") {
		t.Errorf("no type: %v", err)
	}
}

// The events have the members of AWS's samples, and no other.
func TestEvents(t *testing.T) {
	s := newScene(t, awssim.Options{Account: "123456789012", Region: "us-east-2"})
	name := aws.String("MyExampleParameter")
	put := &ssm.PutParameterInput{Name: name, Value: aws.String("v"), Type: types.ParameterTypeString, Description: aws.String("Sample Parameter")}
	if _, err := s.client.PutParameter(t.Context(), put); err != nil {
		t.Fatal(err)
	}
	update := &ssm.PutParameterInput{Name: name, Value: aws.String("v"), Overwrite: aws.Bool(true)}
	if out, err := s.client.PutParameter(t.Context(), update); err != nil || out.Version != 2 {
		t.Fatalf("%v, %v", out, err)
	}
	if _, err := s.client.PutParameter(t.Context(), put); code(err) != "ParameterAlreadyExists" {
		t.Fatal(err)
	}
	for _, want := range []string{"", "ParameterNotFound"} {
		if _, err := s.client.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: name}); code(err) != want {
			t.Fatal(err)
		}
	}
	s.set("/a/b", "v", types.ParameterTypeSecureString)
	if len(s.events) != 4 {
		t.Fatalf("%d events", len(s.events))
	}
	for i, operation := range []string{"create", "update", "delete"} {
		sample, err := os.ReadFile("../../event/testdata/samples/ssm-parameter-store-change-" + operation + ".json")
		if err != nil {
			t.Fatal(err)
		}
		var want event.Event
		if err := json.Unmarshal(sample, &want); err != nil {
			t.Fatal(err)
		}
		want.ID, want.Time = s.events[i].ID, dawn
		if diff := cmp.Diff(decoded(t, want), decoded(t, s.events[i])); diff != "" {
			t.Errorf("%s: %s", operation, diff)
		}
	}
	last := s.events[3]
	if last.Resources[0] != "arn:aws:ssm:us-east-2:123456789012:parameter/a/b" || string(last.Detail) != `{"operation":"Create","name":"/a/b","type":"SecureString"}` {
		t.Errorf("%s %s", last.Resources, last.Detail)
	}
}

func decoded(t *testing.T, e event.Event) (all map[string]any) {
	t.Helper()
	text, err := json.Marshal(e)
	if err == nil {
		err = json.Unmarshal(text, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestPermissions(t *testing.T) {
	s := newScene(t, awssim.Options{})
	var asked []string
	s.world.Authorize(func(action, resource string, keys map[string][]string) bool {
		asked = append(asked, fmt.Sprintf("%s %s %v", strings.TrimPrefix(action, "ssm:"), strings.TrimPrefix(resource, "arn:aws:ssm:us-west-1:123456789012:"), keys["ssm:Overwrite"]))
		return !strings.HasSuffix(resource, "/denied")
	})
	ctx := t.Context()
	_, err := s.client.PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/a/b"), Value: aws.String("v"), Type: types.ParameterTypeString})
	_, err2 := s.get(&ssm.GetParameterInput{Name: aws.String("arn:aws:ssm:us-west-1:123456789012:parameter/a/b:1")})
	_, err3 := s.client.GetParametersByPath(ctx, &ssm.GetParametersByPathInput{Path: aws.String("/a")})
	if err := errors.Join(err, err2, err3); err != nil {
		t.Error(err)
	}
	_, err = s.client.GetParameters(ctx, &ssm.GetParametersInput{Names: []string{"/a/b", "/denied"}})
	_, err2 = s.client.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String("denied")})
	if !strings.HasPrefix(code(err), "AccessDenied") || !strings.HasPrefix(code(err2), "AccessDenied") {
		t.Errorf("got %v, %v", err, err2)
	}
	want := []string{
		"PutParameter parameter/a/b [false]", "GetParameter parameter/a/b []", "GetParametersByPath parameter/a []",
		"GetParameters parameter/a/b []", "GetParameters parameter/denied []", "DeleteParameter parameter/denied []",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

// A SecureString under a key of one's own takes the key, too; one under the key
// that AWS manages does not.
func TestPermissionsOfKeys(t *testing.T) {
	s := newScene(t, awssim.Options{})
	const own = "arn:aws:kms:us-west-1:123456789012:key/1234abcd"
	put := func(name, key string) {
		in := ssm.PutParameterInput{Name: aws.String(name), Value: aws.String("v"), Type: types.ParameterTypeSecureString}
		if key != "" {
			in.KeyId = aws.String(key)
		}
		if _, err := s.client.PutParameter(t.Context(), &in); err != nil {
			t.Fatal(err)
		}
	}
	var asked []string
	allowed := true
	s.world.Authorize(func(action, resource string, keys map[string][]string) bool {
		if !strings.HasPrefix(action, "kms:") {
			return true
		}
		asked = append(asked, fmt.Sprint(action, " ", resource, keys["kms:ViaService"], keys["kms:EncryptionContext:PARAMETER_ARN"]))
		return allowed
	})
	put("/own", own)
	put("/managed", "")
	for _, name := range []string{"/own", "/managed"} {
		for _, decrypt := range []bool{false, true} {
			if _, err := s.get(&ssm.GetParameterInput{Name: aws.String(name), WithDecryption: aws.Bool(decrypt)}); err != nil {
				t.Error(err)
			}
		}
	}
	const by = "[ssm.us-west-1.amazonaws.com] [arn:aws:ssm:us-west-1:123456789012:parameter/own]"
	if diff := cmp.Diff([]string{"kms:Encrypt " + own + by, "kms:Decrypt " + own + by}, asked); diff != "" {
		t.Error(diff)
	}
	allowed = false
	_, err := s.get(&ssm.GetParameterInput{Name: aws.String("/own"), WithDecryption: aws.Bool(true)})
	if code(err) != "AccessDeniedException" || !strings.Contains(err.Error(), "kms:Decrypt") {
		t.Errorf("without the key: %v", err)
	}
}

// All that read values draw on one bucket.
func TestRates(t *testing.T) {
	s := newScene(t, awssim.Options{RateLimits: true})
	s.set("/a", "v", types.ParameterTypeString)
	burst := func() (n int) {
		for {
			_, err := s.get(&ssm.GetParameterInput{Name: aws.String("/a")})
			_, err2 := s.client.GetParameters(t.Context(), &ssm.GetParametersInput{Names: []string{"/a"}})
			if err != nil || err2 != nil {
				return n
			}
			n += 2
		}
	}
	if n := burst(); n != 40 {
		t.Errorf("%d calls at once", n)
	}
	s.clock.Advance(500 * time.Millisecond)
	if n := burst(); n != 20 {
		t.Errorf("%d calls half a second later", n)
	}
	var err error
	n := -1
	for ; err == nil; n++ {
		_, err = s.client.PutParameter(t.Context(), &ssm.PutParameterInput{Name: aws.String("/a"), Value: aws.String("v"), Overwrite: aws.Bool(true)})
	}
	if n != 3 || !strings.HasPrefix(code(err), "Throttling") {
		t.Errorf("%d of them written: %v", n, err)
	}
	if _, err := s.client.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: aws.String("/a")}); err != nil {
		t.Error(err)
	}
}

// What a stale read sees is not touched by what came later.
func TestStaleReads(t *testing.T) {
	s := newScene(t, awssim.Options{})
	s.set("/a", "old", types.ParameterTypeString)
	s.world.StaleReads(func(awssim.Call) time.Duration { return 10 * time.Second })
	s.clock.Advance(time.Minute)
	s.set("/a", "new", types.ParameterTypeString)
	for _, want := range []string{"old", "new"} {
		if p, err := s.get(&ssm.GetParameterInput{Name: aws.String("/a")}); err != nil || *p.Value != want {
			t.Errorf("got %v, %v, want %s", p, err, want)
		}
		s.clock.Advance(20 * time.Second)
	}
}
