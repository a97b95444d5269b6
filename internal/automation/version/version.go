// Package version is what decisions about the versions of a launch template share: how
// plans name them, which of them are surplus, and how it is written on a version who
// has made it.
//
// It is pure, and knows no AWS. A test holds the names against those of the audit.
package version

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Named names a version, as the value of a change.
func Named(number int64) string { return fmt.Sprintf("version %d", number) }

// Of names a version together with its template, as what a group launches from. It may
// be "$Latest" or "$Default".
func Of(template, version string) string { return "version " + version + " of " + template }

// All names everything that a group launches from, each once: its own, then what
// overrides of its policy name.
func All(own string, overrides ...string) string {
	all := []string{own}
	for _, o := range overrides {
		if !slices.Contains(all, o) {
			all = append(all, o)
		}
	}
	return strings.Join(all, ", ")
}

// Number reads what [Named] writes.
func Number(text string) (int64, error) {
	digits, ok := strings.CutPrefix(text, "version ")
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is not the number of a version", text)
	}
	return n, nil
}

// List names several versions, given in ascending order: "versions 1-3, 7".
func List(numbers []int64) string {
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
	if len(numbers) == 1 {
		return "version " + parts[0]
	}
	return "versions " + strings.Join(parts, ", ")
}

// Numbers reads what [List] writes.
func Numbers(text string) ([]int64, error) {
	list := strings.TrimPrefix(strings.TrimPrefix(text, "versions "), "version ")
	var numbers []int64
	for part := range strings.SplitSeq(list, ", ") {
		first, last, ranged := strings.Cut(part, "-")
		from, err := strconv.ParseInt(first, 10, 64)
		to := from
		if ranged && err == nil {
			to, err = strconv.ParseInt(last, 10, 64)
		}
		if err != nil || to < from {
			return nil, fmt.Errorf("%q are not the numbers of versions", text)
		}
		for n := from; n <= to; n++ {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}
