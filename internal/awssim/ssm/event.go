package ssm

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/droverhq/drover/internal/awssim"
	"github.com/droverhq/drover/internal/event"
)

// changed tells of a change of a parameter, in the form of
// facts/events/ssm-parameter-store-change-*.json. A change that did not come about
// has an exception and is otherwise like one that did (facts/events.md 6).
func changed(m *awssim.Moment, p parameter, operation, exception string) {
	dataType := p.dataType
	if dataType == text {
		dataType = ""
	}
	detail, err := json.Marshal(struct {
		Exception   string              `json:"exception,omitempty"`
		DataType    string              `json:"dataType,omitempty"`
		Operation   string              `json:"operation"`
		Name        string              `json:"name"`
		Type        types.ParameterType `json:"type"`
		Description string              `json:"description,omitempty"`
	}{exception, dataType, operation, p.name, p.kind, p.description})
	if err != nil {
		panic(fmt.Sprintf("awssim: event of parameter %s as JSON: %v", p.name, err))
	}
	m.Emit(event.Event{
		Version: "0", ID: m.UUID("event"), DetailType: "Parameter Store Change", Source: "aws.ssm",
		Account: m.Account(), Region: m.Region(), Time: m.Now.UTC().Truncate(time.Second),
		Resources: []string{p.arn}, Detail: detail,
	})
}
