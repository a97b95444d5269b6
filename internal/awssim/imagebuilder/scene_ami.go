package imagebuilder

// Made is the AMI that a build has made, by the ARN of its image; empty as long as there
// is none. The API shows it later, when all is done.
func (s *Service) Made(image string) (ami string) {
	s.store.View(func(st *state) {
		i, _ := st.build(image)
		ami = i.ami
	})
	return ami
}
