package groupfollowstemplate

import (
	"encoding/json"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/event"
)

// listen wants the groups that are made, narrowed by what can be said of their
// names, and with newest-number the versions that are made. It does not want
// updates of groups: the automation's own is one. What a rule cannot say about
// sorts out.
func listen(c Config) []automation.Trigger {
	triggers := []automation.Trigger{{
		Name:    "group-created",
		Title:   "an Auto Scaling group is created",
		Pattern: event.Calls("autoscaling", "CreateAutoScalingGroup").WhereLike("detail.requestParameters.autoScalingGroupName", c.patterns()...),
	}}
	if c.Version == NewestNumber {
		triggers = append(triggers, automation.Trigger{
			Name:    "version-created",
			Title:   "a version of a launch template is created",
			Pattern: event.Calls("ec2", "CreateLaunchTemplateVersion"),
		})
	}
	return triggers
}

// about makes all groups one subject: a look shows them all, and an event that
// comes meanwhile causes one more.
func about(c Config, e event.Event) (automation.Subject, bool) {
	s := automation.Subject{Key: "groups", Mode: automation.Latest}
	if name, tags, ok := createdGroup(e); ok {
		return s, c.chooses(name, tags)
	}
	if v, ok := createdVersion(e); ok && len(c.Templates) > 0 {
		return s, c.allows(v.Template)
	}
	return s, true
}

// createdGroup is the group that an event says was created, and its tags.
func createdGroup(e event.Event) (name string, tags map[string]string, ok bool) {
	call, ok, err := event.AsAPICall(e)
	if !ok || err != nil || call.Operation != "CreateAutoScalingGroup" {
		return "", nil, false
	}
	var request struct {
		Name string `json:"autoScalingGroupName"`
		Tags []struct {
			Key   string `json:"key"`
			Value string `json:"value"`
		} `json:"tags"`
	}
	if json.Unmarshal(call.Request, &request) != nil || request.Name == "" {
		return "", nil, false
	}
	tags = map[string]string{}
	for _, t := range request.Tags {
		tags[t.Key] = t.Value
	}
	return request.Name, tags, true
}

// madeVersion is a version that an event says was created.
type madeVersion struct {
	Template string `json:"launchTemplateId"`
	Number   int64  `json:"versionNumber"`
}

// createdVersion reads the answer to the call, which has the template's id also
// when the request named it by name.
func createdVersion(e event.Event) (madeVersion, bool) {
	call, ok, err := event.AsAPICall(e)
	if !ok || err != nil || call.Operation != "CreateLaunchTemplateVersion" {
		return madeVersion{}, false
	}
	var response struct {
		Answer struct {
			Version madeVersion `json:"launchTemplateVersion"`
		} `json:"CreateLaunchTemplateVersionResponse"`
	}
	if json.Unmarshal(call.Response, &response) != nil || response.Answer.Version.Template == "" {
		return madeVersion{}, false
	}
	return response.Answer.Version, true
}
