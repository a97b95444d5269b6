package ec2

import (
	"net/http"
	"strings"

	"github.com/droverhq/drover/internal/awssim"
)

// invalid is a client error, as nearly all of EC2's are.
func invalid(code, format string, args ...any) error {
	return awssim.Fail(http.StatusBadRequest, code, format, args...)
}

// kinds are the resource types by the prefix of their ids: how tags and IAM
// call them, how the error for a missing one is called (facts/apis.md 1.3,
// column "Not (yet) there"; those not named there unverified) and what its
// text calls them.
var kinds = map[string]struct{ resource, code, text string }{
	"vpc":        {"vpc", "InvalidVpcID.NotFound", "vpc"},
	"subnet":     {"subnet", "InvalidSubnetID.NotFound", "subnet"},
	"igw":        {"internet-gateway", "InvalidInternetGatewayID.NotFound", "internetGateway"},
	"rtb":        {"route-table", "InvalidRouteTableID.NotFound", "routeTable"},
	"rtbassoc":   {"", "InvalidAssociationID.NotFound", "association"},
	"pl":         {"prefix-list", "InvalidPrefixListID.NotFound", "prefix list"},
	"i":          {"instance", "InvalidInstanceID.NotFound", "instance"},
	"eni":        {"network-interface", "InvalidNetworkInterfaceID.NotFound", "networkInterface"},
	"eni-attach": {"", "InvalidAttachmentID.NotFound", "attachment"},
	"eipalloc":   {"elastic-ip", "InvalidAllocationID.NotFound", "allocation"},
	"lt":         {"launch-template", "InvalidLaunchTemplateId.NotFound", "launch template"},
	"ami":        {"image", "InvalidAMIID.NotFound", "image"},
	"snap":       {"snapshot", "InvalidSnapshot.NotFound", "snapshot"},
	"sg":         {"security-group", "InvalidGroup.NotFound", "security group"},
	"vol":        {"volume", "InvalidVolume.NotFound", "volume"},
	"eipassoc":   {"", "InvalidAssociationID.NotFound", "association"},
}

// notFound is the error for an id of the given prefix that nothing has.
func notFound(prefix, id string) error {
	k := kinds[prefix]
	return invalid(k.code, "The %s ID '%s' does not exist", k.text, id)
}

// resourceType is the type of a resource by its id, "" if it is of none.
func resourceType(id string) string {
	prefix, _, _ := strings.Cut(id, "-")
	return kinds[prefix].resource
}

// need returns the row with an id, or the error for a missing one.
func need[T row](t *table[T], prefix string, id *string) (T, error) {
	if id == nil {
		var none T
		return none, invalid("MissingParameter", "The request must contain a %s ID", kinds[prefix].text)
	}
	r, ok := t.get(*id)
	if !ok {
		return r, notFound(prefix, *id)
	}
	return r, nil
}
