package templatefollowsimage

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/droverhq/drover/internal/automation"
	"github.com/droverhq/drover/internal/automation/version"
	"github.com/droverhq/drover/internal/cloud"
	"github.com/droverhq/drover/internal/cloud/launchtemplate"
	"github.com/droverhq/drover/internal/failure"
)

var (
	templateID   = regexp.MustCompile(`^lt-[0-9a-f]{8,17}$`)
	templateName = regexp.MustCompile(`^[a-zA-Z0-9()./_-]{3,128}$`)
)

// resolve says which template it is. What a parameter holds is read anew each
// time, and told only once it is known to name a template: it may be a secret
// after all.
func resolve(ctx context.Context, t *turn) (launchtemplate.Ref, error) {
	c := t.Config.Template
	if c.Parameter == "" {
		return launchtemplate.Ref{ID: c.ID, Name: c.Name}, nil
	}
	out, err := t.AWS.SSM.GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String(c.Parameter), WithDecryption: aws.Bool(true)})
	if err != nil {
		err = fmt.Errorf("read parameter %s: %w", c.Parameter, err)
		switch code := cloud.Code(err); {
		case code == "ParameterNotFound":
			return launchtemplate.Ref{}, failure.WithHint(failure.As(failure.Stop, err), "create the parameter with the template's id, or name another at template.parameter")
		case code == "AccessDeniedException" && strings.Contains(err.Error(), "kms:") && c.Key == "":
			return launchtemplate.Ref{}, failure.WithHint(err, "the parameter is encrypted with a key of your own: name its ARN at template.key, and render the policy again")
		}
		return launchtemplate.Ref{}, err
	}
	value := strings.TrimSpace(aws.ToString(out.Parameter.Value))
	switch {
	case templateID.MatchString(value):
		return launchtemplate.Ref{ID: value}, nil
	case templateName.MatchString(value):
		return launchtemplate.Ref{Name: value}, nil
	}
	return launchtemplate.Ref{}, failure.WithHint(failure.Stopf("parameter %s holds neither the id nor the name of a launch template", c.Parameter),
		"set it to a launch template's id, such as lt-0a1b2c3d4e5f60718")
}

// foundOf is what is kept in the state of a template.
func foundOf(t launchtemplate.Template) Found {
	return Found{ID: t.ID, Name: t.Name, Default: versionOf(t.Default), Latest: versionOf(t.Latest)}
}

func versionOf(v launchtemplate.Version) Version { return Version{Number: v.Number, Image: v.Image} }

// describeTags says why a template is not to be touched: it lacks a tag.
func describeTags(ctx context.Context, t *turn, r launchtemplate.Ref) (unfit string, err error) {
	in := &ec2.DescribeLaunchTemplatesInput{}
	if r.ID != "" {
		in.LaunchTemplateIds = []string{r.ID}
	} else {
		in.LaunchTemplateNames = []string{r.Name}
	}
	out, err := t.AWS.EC2.DescribeLaunchTemplates(ctx, in)
	if err != nil {
		return "", launchtemplate.Missing(r, err)
	}
	has := map[string]string{}
	for _, found := range out.LaunchTemplates {
		for _, tag := range found.Tags {
			has[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
	}
	for k, v := range t.Config.Template.Tags {
		if got, ok := has[k]; !ok || got != v {
			return fmt.Sprintf("is not touched: it does not have the tags %s", tagText(t.Config.Template.Tags)), nil
		}
	}
	return "", nil
}

// holdersIn says which of all versions, newest first, have one of the images.
func holdersIn(run automation.Identity, all []launchtemplate.Version, images []Image) []Holder {
	var holders []Holder
	for _, i := range images {
		h := Holder{Image: i.ID}
		for _, v := range all {
			if v.Image != i.ID {
				continue
			}
			h.Version = max(h.Version, v.Number)
			if strings.HasPrefix(v.Description, version.Signature(run)) {
				h.Ours = max(h.Ours, v.Number)
			}
		}
		if h.Version > 0 {
			holders = append(holders, h)
		}
	}
	return holders
}
