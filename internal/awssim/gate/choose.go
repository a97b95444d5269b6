package gate

import "math/rand/v2"

// Seeded chooses at random; the same seed chooses the same.
func Seeded(seed uint64) func(n int) int {
	random := rand.New(rand.NewPCG(seed, 0))
	return random.IntN
}

// Listed follows a list of choices, each cut to what there is to choose from,
// and then always takes the first call. Property tests draw such lists before
// the bubble begins.
func Listed(choices []int) func(n int) int {
	return func(n int) int {
		if len(choices) == 0 {
			return 0
		}
		choice := choices[0]
		choices = choices[1:]
		return choice % n
	}
}
