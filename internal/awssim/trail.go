package awssim

// What EventBridge delivers of CloudTrail, of mutating calls only. An operation
// is recorded once [Trails] says how it shows there; what nobody calls through a
// client is told by [Moment.Trail]:
//
//	awssim.Trails(st, func(_ *awssim.Moment, in *autoscaling.UpdateAutoScalingGroupInput, _ *autoscaling.UpdateAutoScalingGroupOutput) (request, response any) {
//		return awssim.LowerCamel(in), nil
//	})
//
// Not modelled: records that overtake each other, delivery more than once, that
// events over 256 KB are dropped (facts/events.md 1), and members of a record
// that trailDetail does not have.

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/droverhq/drover/internal/event"
)

// TypeTrailCall is the detail type of a call that CloudTrail recorded
// (facts/events/cloudtrail-*.json).
const TypeTrailCall = "AWS API Call via CloudTrail"

// TrailRecord is a call as CloudTrail tells of it.
type TrailRecord struct {
	Source string // such as "ec2.amazonaws.com"
	Name   string // such as "CreateImage"
	// Actor is who called, by default the actor of the present call: a name, for
	// a session of the role "drover"; or the ARN of a role's session or of a user;
	// or a service such as "autoscaling.amazonaws.com".
	Actor string
	// Request and Response are what becomes requestParameters and
	// responseElements; nil is null. See [LowerCamel].
	Request, Response any
	// ErrorCode and ErrorMessage are empty if the call succeeded.
	ErrorCode, ErrorMessage string
}

// Trails has CloudTrail record an operation, whether it succeeds or fails: f
// turns its input and output into the request and response of the record. If the
// call failed, the output is empty and the response is not looked at.
func Trails[S, In, Out any](s *Store[S], f func(m *Moment, in *In, out *Out) (request, response any)) {
	h := s.handler(reflect.TypeFor[*In]())
	if !h.mutating {
		panic(fmt.Sprintf("awssim: EventBridge gets no records of %s, which only reads", h.operation)) // facts/events.md 1
	}
	h.trail = func(m *Moment, in, out any) (request, response any) {
		if o, ok := out.(*Out); ok {
			return f(m, in.(*In), o)
		}
		request, _ = f(m, in.(*In), new(Out))
		return request, nil
	}
}

// HasTrail says whether the account has a trail, see [Options].NoTrail.
func (w *World) HasTrail() bool { return !w.options.NoTrail }

// Trail sends a record of a call that happens now, after [Options].TrailDelay.
func (m *Moment) Trail(r TrailRecord) {
	if m.world.options.NoTrail {
		return
	}
	if r.Actor == "" {
		r.Actor = m.Actor
	}
	request := m.RequestID
	if request == "" {
		request = m.UUID("request")
	}
	service, _, _ := strings.Cut(r.Source, ".")
	address := "192.0.2.1"
	if isService(r.Actor) {
		address = r.Actor
	}
	at := m.Now.UTC().Truncate(time.Second)
	detail, err := json.Marshal(trailDetail{
		EventVersion: "1.11", UserIdentity: m.identity(r.Actor), EventTime: at,
		EventSource: r.Source, EventName: r.Name, AWSRegion: m.Region(), SourceIPAddress: address, UserAgent: address,
		ErrorCode: r.ErrorCode, ErrorMessage: r.ErrorMessage,
		RequestParameters: r.Request, ResponseElements: r.Response,
		RequestID: request, EventID: m.UUID("trail"),
		EventType: "AwsApiCall", ManagementEvent: true, RecipientAccountID: m.Account(), EventCategory: "Management",
	})
	if err != nil {
		panic(fmt.Sprintf("awssim: record of %s as JSON: %v", r.Name, err))
	}
	e := event.Event{
		Version: "0", ID: m.UUID("event"), DetailType: TypeTrailCall, Source: "aws." + service,
		Account: m.Account(), Time: at, Region: m.Region(), Detail: detail,
	}
	m.After(m.world.options.TrailDelay, func(m *Moment) { m.Emit(e) })
}

// trailDetail has the members of the samples that somebody may want to look at,
// in the form of facts/events/cloudtrail-create-image-real.json.
type trailDetail struct {
	EventVersion       string         `json:"eventVersion"`
	UserIdentity       map[string]any `json:"userIdentity"`
	EventTime          time.Time      `json:"eventTime"`
	EventSource        string         `json:"eventSource"`
	EventName          string         `json:"eventName"`
	AWSRegion          string         `json:"awsRegion"`
	SourceIPAddress    string         `json:"sourceIPAddress"`
	UserAgent          string         `json:"userAgent"`
	ErrorCode          string         `json:"errorCode,omitempty"`
	ErrorMessage       string         `json:"errorMessage,omitempty"`
	RequestParameters  any            `json:"requestParameters"`
	ResponseElements   any            `json:"responseElements"`
	RequestID          string         `json:"requestID"`
	EventID            string         `json:"eventID"`
	ReadOnly           bool           `json:"readOnly"`
	EventType          string         `json:"eventType"`
	ManagementEvent    bool           `json:"managementEvent"`
	RecipientAccountID string         `json:"recipientAccountId"`
	EventCategory      string         `json:"eventCategory"`
}

// record tells CloudTrail of a call that AWS has answered. What is not modelled
// was no call of AWS.
func (m *Moment) record(h *handler, in, out any, err error) {
	if h.trail == nil {
		return
	}
	service, name, _ := strings.Cut(h.operation, ":")
	r := TrailRecord{Source: service + ".amazonaws.com", Name: name}
	var a *answered
	switch {
	case errors.As(err, &a):
		r.ErrorCode, r.ErrorMessage, out = trailCode(service, a), a.ErrorMessage(), nil
	case err != nil:
		return
	}
	r.Request, r.Response = h.trail(m, in, out)
	if a != nil && a.status == http.StatusForbidden && service != "ec2" {
		r.Request = nil // facts/events.md 4, and the samples *-denied.json and *-unauthorized.json
	}
	m.Trail(r)
}

// trailCode is how CloudTrail spells an error code (facts/events.md 4).
func trailCode(service string, a *answered) string {
	code := a.ErrorCode()
	switch {
	case service == "ec2" && a.status >= http.StatusInternalServerError && code != "RequestLimitExceeded": // Karpenter's documentation has Client.RequestLimitExceeded (lib:58498722582)
		return "Server." + code
	case service == "ec2":
		return "Client." + code
	case service == "autoscaling" && code == "ValidationError":
		return "ValidationException"
	case service == "autoscaling" && code == "AlreadyExists":
		return "AlreadyExistsFault" // facts/events/cloudtrail-create-auto-scaling-group-failed-already-exists.json, unverified there
	}
	return code
}

func isService(actor string) bool { return strings.HasSuffix(actor, ".amazonaws.com") }

// Caller is the ARN of who makes the present call, as sts:GetCallerIdentity and
// CloudTrail tell it; of a service, its name.
func (m *Moment) Caller() string { return m.arnOf(m.Actor) }

func (m *Moment) arnOf(actor string) string {
	switch {
	case isService(actor) || strings.HasPrefix(actor, "arn:"):
		return actor
	case actor == "":
		actor = "session"
	}
	return "arn:aws:sts::" + m.Account() + ":assumed-role/drover/" + actor
}

// identity is who calls, as a record has it. A name is the session that
// sts:GetCallerIdentity tells it to be.
func (m *Moment) identity(actor string) map[string]any {
	if isService(actor) { // the form is that of events that services cause without a role, unverified for these
		return map[string]any{"type": "AWSService", "invokedBy": actor}
	}
	arn := m.arnOf(actor)
	parts := strings.Split(arn, "/")
	name := parts[len(parts)-1]
	if strings.Contains(arn, ":user/") {
		return map[string]any{"type": "IAMUser", "principalId": "AIDASIMULATED", "arn": arn, "accountId": m.Account(), "userName": name}
	}
	identity := map[string]any{"type": "AssumedRole", "principalId": "AROASIMULATED:" + name, "arn": arn, "accountId": m.Account()}
	if len(parts) > 2 {
		role := parts[len(parts)-2]
		identity["sessionContext"] = map[string]any{"sessionIssuer": map[string]any{
			"type": "Role", "principalId": "AROASIMULATED", "arn": "arn:aws:iam::" + m.Account() + ":role/" + role,
			"accountId": m.Account(), "userName": role,
		}}
	}
	return identity
}

// LowerCamel is an input or a part of one as CloudTrail writes requests: names
// begin in lower case ("vPCZoneIdentifier"), lists are plain, and what is not set
// is left out (facts/events.md 4, Auto Scaling; lists of EC2 look different).
func LowerCamel(v any) any {
	return members(reflect.ValueOf(v), func(name string) string {
		first, size := utf8.DecodeRuneInString(name)
		return string(unicode.ToLower(first)) + name[size:]
	})
}

// UpperCamel is [LowerCamel] with the names as they are, for the newer operations
// of EC2, which CloudTrail writes as {"CreateFleetRequest": {"TargetCapacity": …}}.
func UpperCamel(v any) any {
	return members(reflect.ValueOf(v), func(name string) string { return name })
}

func members(v reflect.Value, spell func(string) string) any {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return members(v.Elem(), spell)
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = members(v.Index(i), spell)
		}
		return list
	case reflect.Struct:
		if t, ok := v.Interface().(time.Time); ok {
			return t
		}
		set := map[string]any{}
		for i := range v.NumField() {
			field, value := v.Type().Field(i), v.Field(i)
			if !field.IsExported() || field.Name == "ResultMetadata" || value.IsZero() || value.Kind() == reflect.Slice && value.Len() == 0 {
				continue
			}
			set[spell(field.Name)] = members(value, spell)
		}
		return set
	default:
		return v.Interface()
	}
}
