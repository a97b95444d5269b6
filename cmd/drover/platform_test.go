package main

import (
	"github.com/rogpeppe/go-internal/testscript"

	simec2 "github.com/droverhq/drover/internal/awssim/ec2"
	simelasticbeanstalk "github.com/droverhq/drover/internal/awssim/elasticbeanstalk"
)

// platform BRANCH NUMBER: gives a platform branch, which is made if there is none,
// a version that is Ready, with an image of its own.
func platform(w *world, ts *testscript.TestScript, args []string) {
	branch, number := args[0], args[1]
	if len(w.ElasticBeanstalk.Versions()) == 0 {
		w.ElasticBeanstalk.AddBranch(simelasticbeanstalk.Branch{Name: branch})
	}
	image := w.EC2.AddImage(simec2.Image{Name: branch + " " + number, Owner: "801119661308", Alias: "amazon", Public: true})
	_, err := w.ElasticBeanstalk.AddVersion(simelasticbeanstalk.Version{
		Branch: branch, Number: number, Ready: true, Images: []simelasticbeanstalk.Image{{Virtualization: "pv"}, {ID: image, Virtualization: "hvm"}},
	})
	ts.Check(err)
}
