package awssim

import (
	"fmt"
	"reflect"
	"strings"
)

// parameters is the tree of the parameters that an operation models. A leaf is
// modelled with all that is in it.
type parameters map[string]parameters

// newParameters reads paths such as "NetworkInterfaces.SubnetId". A path that
// the type does not have is a mistake of the programmer.
func newParameters(input reflect.Type, paths []string) parameters {
	root := parameters{}
	for _, path := range paths {
		here, t := root, input
		for name := range strings.SplitSeq(path, ".") {
			t = element(t)
			field, ok := t.FieldByName(name)
			if !ok {
				panic(fmt.Sprintf("awssim: %v has no %q", input, path))
			}
			if here[name] == nil {
				here[name] = parameters{}
			}
			here, t = here[name], field.Type
		}
	}
	return root
}

func element(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t
}

// unknown is the path of the first parameter that is set but not modelled, or
// "". An empty list is not set; a pointer to a zero value is.
func (p parameters) unknown(v reflect.Value, path string) string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return p.unknown(v.Elem(), path)
	case reflect.Slice:
		for i := range v.Len() {
			if found := p.unknown(v.Index(i), fmt.Sprintf("%s[%d]", path, i)); found != "" {
				return found
			}
		}
		return ""
	case reflect.Struct:
		return p.unknownField(v, path)
	default:
		return ""
	}
}

func (p parameters) unknownField(v reflect.Value, path string) string {
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		if !field.IsExported() || value.IsZero() || value.Kind() == reflect.Slice && value.Len() == 0 {
			continue
		}
		name := strings.TrimPrefix(path+"."+field.Name, ".")
		inner, ok := p[field.Name]
		if !ok {
			return name
		}
		if len(inner) == 0 {
			continue
		}
		if found := inner.unknown(value, name); found != "" {
			return found
		}
	}
	return ""
}
