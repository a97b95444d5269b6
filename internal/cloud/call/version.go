package call

import (
	"slices"
	"strconv"
	"strings"
)

// DefaultVersion names what the default version of a launch template is.
func DefaultVersion(template string) string { return template + " default" }

// Versions names versions of a launch template: "versions 1-3, 7". What are no
// numbers are named as they are.
func Versions(names []string) string {
	var numbers []int64
	for _, name := range names {
		n, err := strconv.ParseInt(name, 10, 64)
		if err != nil {
			return plural(names) + strings.Join(names, ", ")
		}
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	var parts []string
	for i := 0; i < len(numbers); {
		j := i
		for j+1 < len(numbers) && numbers[j+1] == numbers[j]+1 {
			j++
		}
		part := strconv.FormatInt(numbers[i], 10)
		if j > i {
			part += "-" + strconv.FormatInt(numbers[j], 10)
		}
		parts = append(parts, part)
		i = j + 1
	}
	return plural(numbers) + strings.Join(parts, ", ")
}

func plural[T any](list []T) string {
	if len(list) == 1 {
		return "version "
	}
	return "versions "
}
