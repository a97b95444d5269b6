package flow

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"

	"github.com/droverhq/drover/internal/failure"
	"github.com/droverhq/drover/internal/ledger"
)

// packed is how a value is stored that would be too large as it is: plans
// over thousands of routes repeat themselves and shrink to a twentieth.
type packed struct {
	Gzip []byte `json:"gzip"`
}

// packAbove leaves small records readable to the naked eye.
const packAbove = 64 * 1000

func encode(v any) (json.RawMessage, error) {
	plain, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(plain) <= packAbove {
		return plain, nil
	}
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(plain); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	small, err := json.Marshal(packed{Gzip: b.Bytes()})
	if err != nil {
		return nil, err
	}
	if len(small) > ledger.MaxValue {
		return nil, failure.WithHint(failure.Stopf("%d bytes do not fit into a ledger record", len(plain)),
			"divide the automation into several, each for a part of the resources")
	}
	return small, nil
}

func decode(value json.RawMessage, v any) error {
	// A ledger may change white space, but this is the only member.
	if !bytes.HasPrefix(bytes.TrimLeft(value, "{ \t\r\n"), []byte(`"gzip"`)) {
		return json.Unmarshal(value, v)
	}
	var p packed
	if err := json.Unmarshal(value, &p); err != nil {
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(p.Gzip))
	if err != nil {
		return err
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, v)
}
