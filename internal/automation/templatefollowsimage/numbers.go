package templatefollowsimage

import (
	"fmt"
	"strconv"
	"strings"
)

// version names a version, as the value of a change.
func version(number int64) string { return fmt.Sprintf("version %d", number) }

// numberOf reads what version writes.
func numberOf(version string) (int64, error) {
	digits, ok := strings.CutPrefix(version, "version ")
	n, err := strconv.ParseInt(digits, 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("%q is not the number of a version", version)
	}
	return n, nil
}

// versions names several versions, given in ascending order: "versions 1-3, 7".
func versions(numbers []int64) string {
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

// numbersOf reads what versions writes.
func numbersOf(text string) ([]int64, error) {
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
