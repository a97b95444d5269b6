package kms

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/droverhq/drover/internal/awssim"
)

// state is all there is.
type state struct {
	keys   []key
	grants []grant // in the order they were made
}

func (s *state) clone() *state { return &state{slices.Clone(s.keys), slices.Clone(s.grants)} }

type key struct {
	Key
	arn     string
	created time.Time
}

type grant struct {
	id, key, name, principal, retiring string // key: its ARN
	operations                         []types.GrantOperation
	created                            time.Time
}

// Service is KMS in one world.
type Service struct{ store *awssim.Store[*state] }

// New makes the service for [awssim.New].
func New() *Service { return &Service{} }

// Attach implements [awssim.Service]. These are the operations there are, with
// the parameters each of them models.
func (s *Service) Attach(w *awssim.World) {
	s.store = awssim.NewStore(w, "kms", &state{}, (*state).clone)
	awssim.Read(s.store, describeKey, "KeyId")
	awssim.Read(s.store, listGrants, "KeyId", "GrantId", "GranteePrincipal", "Limit", "Marker")
	awssim.Read(s.store, getKeyPolicy, "KeyId", "PolicyName")
	awssim.Write(s.store, createGrant, "KeyId", "GranteePrincipal", "Operations", "Name", "RetiringPrincipal")

	awssim.Requests(s.store, describeKeyPermissions)
	awssim.Requests(s.store, listGrantsPermissions)
	awssim.Requests(s.store, getKeyPolicyPermissions)
	awssim.Requests(s.store, createGrantPermissions)
	awssim.Trails(s.store, createGrantRecord)
}

// find is the key of an id, an ARN, an alias or the ARN of one, of which the last
// two may be excluded (doc of kms ListGrantsInput.KeyId). Texts: GH
// boto/botocore#2107, cloudposse/docs#152.
func (s *state) find(m *awssim.Moment, text *string, aliases bool) (key, error) {
	name := aws.ToString(text)
	_, alias, isAlias := strings.Cut(name, "alias/")
	for _, k := range s.keys {
		if !isAlias && (k.ID == name || k.arn == name) || isAlias && aliases && k.Alias == "alias/"+alias {
			return k, nil
		}
	}
	words := "Key '" + m.ARN("kms", "key/"+strings.TrimPrefix(name, m.ARN("kms", "key/"))) + "' does not exist"
	if isAlias {
		words = "Alias " + m.ARN("kms", "alias/"+alias) + " is not found."
	}
	return key{}, awssim.FailAs(http.StatusBadRequest, &types.NotFoundException{Message: &words})
}

func describeKey(m *awssim.Moment, s *state, in *kms.DescribeKeyInput) (*kms.DescribeKeyOutput, error) {
	k, err := s.find(m, in.KeyId, true)
	if err != nil {
		return nil, err
	}
	return &kms.DescribeKeyOutput{KeyMetadata: &types.KeyMetadata{
		KeyId: aws.String(k.ID), Arn: aws.String(k.arn), AWSAccountId: aws.String(m.Account()), CreationDate: aws.Time(k.created),
		Enabled: k.State == types.KeyStateEnabled, KeyState: k.State, KeyManager: k.Manager, Description: aws.String(k.Description),
		KeySpec: types.KeySpecSymmetricDefault, KeyUsage: types.KeyUsageTypeEncryptDecrypt, Origin: types.OriginTypeAwsKms, MultiRegion: aws.Bool(false),
		EncryptionAlgorithms: []types.EncryptionAlgorithmSpec{types.EncryptionAlgorithmSpecSymmetricDefault},
	}}, nil
}

const mostGrants = 100 // of one page (doc of kms ListGrantsInput.Limit)

func listGrants(m *awssim.Moment, s *state, in *kms.ListGrantsInput) (*kms.ListGrantsOutput, error) {
	k, err := s.find(m, in.KeyId, false)
	if err != nil {
		return nil, err
	}
	if in.Limit != nil && (*in.Limit < 1 || *in.Limit > mostGrants) {
		return nil, awssim.Fail(http.StatusBadRequest, "ValidationException", "Limit must be between 1 and %d", mostGrants) // the code and the text unverified
	}
	var found []grant
	for _, g := range s.grants {
		if g.key == k.arn && (in.GrantId == nil || *in.GrantId == g.id) && (in.GranteePrincipal == nil || *in.GranteePrincipal == g.principal) {
			found = append(found, g)
		}
	}
	page, next, err := awssim.Page(m, found, func(g grant) string { return g.id }, in.Limit, in.Marker)
	if err != nil {
		return nil, err
	}
	out := &kms.ListGrantsOutput{NextMarker: next, Truncated: next != nil}
	for _, g := range page {
		shown := types.GrantListEntry{
			GrantId: aws.String(g.id), KeyId: aws.String(g.key), GranteePrincipal: aws.String(g.principal), Operations: slices.Clone(g.operations),
			IssuingAccount: aws.String("arn:aws:iam::" + m.Account() + ":root"), CreationDate: aws.Time(g.created),
		}
		if g.name != "" {
			shown.Name = aws.String(g.name)
		}
		if g.retiring != "" {
			shown.RetiringPrincipal = aws.String(g.retiring)
		}
		out.Grants = append(out.Grants, shown)
	}
	return out, nil
}

// createGrant makes a grant; one that is there, with the same name and all else the
// same, is not made again (doc of kms CreateGrantInput.Name).
func createGrant(m *awssim.Moment, s *state, in *kms.CreateGrantInput) (*kms.CreateGrantOutput, error) {
	k, err := s.find(m, in.KeyId, false)
	if err != nil {
		return nil, err
	}
	switch k.State { // Developer Guide of KMS, "Key states"; the texts unverified
	case types.KeyStateEnabled:
	case types.KeyStateDisabled:
		return nil, awssim.FailAs(http.StatusBadRequest, &types.DisabledException{Message: aws.String(k.arn + " is disabled.")})
	default:
		return nil, awssim.FailAs(http.StatusBadRequest, &types.KMSInvalidStateException{Message: aws.String(k.arn + " is " + string(k.State) + ".")})
	}
	g := grant{
		key: k.arn, name: aws.ToString(in.Name), principal: aws.ToString(in.GranteePrincipal), retiring: aws.ToString(in.RetiringPrincipal),
		operations: slices.Sorted(slices.Values(in.Operations)), created: m.Now.UTC().Truncate(time.Second),
	}
	for _, old := range s.grants {
		if g.name != "" && old.key == g.key && old.name == g.name && old.principal == g.principal && old.retiring == g.retiring && slices.Equal(old.operations, g.operations) {
			return &kms.CreateGrantOutput{GrantId: aws.String(old.id), GrantToken: aws.String(m.ID("token"))}, nil
		}
	}
	g.id = m.ID("grant")
	s.grants = append(s.grants, g)
	return &kms.CreateGrantOutput{GrantId: aws.String(g.id), GrantToken: aws.String(m.ID("token"))}, nil
}

// permission asks for a key by its ARN; where there is none, by what was asked for
// (unverified). The keys of the context are those of shared/facts/iam.json.
func (s *state) permission(m *awssim.Moment, text *string) awssim.Request {
	keys := map[string][]string{"kms:CallerAccount": {m.Account()}}
	k, err := s.find(m, text, true)
	if err != nil {
		return awssim.Request{Resource: m.ARN("kms", "key/"+aws.ToString(text)), Context: keys}
	}
	if k.Alias != "" {
		keys["kms:ResourceAliases"] = []string{k.Alias}
	}
	return awssim.Request{Resource: k.arn, Context: keys}
}

func describeKeyPermissions(m *awssim.Moment, s *state, in *kms.DescribeKeyInput) []awssim.Request {
	r := s.permission(m, in.KeyId)
	if _, alias, named := strings.Cut(aws.ToString(in.KeyId), "alias/"); named {
		r.Context["kms:RequestAlias"] = []string{"alias/" + alias}
	}
	return []awssim.Request{r}
}

func listGrantsPermissions(m *awssim.Moment, s *state, in *kms.ListGrantsInput) []awssim.Request {
	return []awssim.Request{s.permission(m, in.KeyId)}
}

func getKeyPolicyPermissions(m *awssim.Moment, s *state, in *kms.GetKeyPolicyInput) []awssim.Request {
	return []awssim.Request{s.permission(m, in.KeyId)}
}

func createGrantPermissions(m *awssim.Moment, s *state, in *kms.CreateGrantInput) []awssim.Request {
	r := s.permission(m, in.KeyId)
	r.Context["kms:GranteePrincipal"] = []string{aws.ToString(in.GranteePrincipal)}
	for _, o := range in.Operations {
		r.Context["kms:GrantOperations"] = append(r.Context["kms:GrantOperations"], string(o))
	}
	return []awssim.Request{r}
}

// createGrantRecord has the form of other services' records (unverified for KMS).
func createGrantRecord(_ *awssim.Moment, in *kms.CreateGrantInput, out *kms.CreateGrantOutput) (request, response any) {
	return awssim.LowerCamel(in), map[string]any{"grantId": aws.ToString(out.GrantId), "keyId": aws.ToString(in.KeyId)}
}
