package lambdatest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// maxAnswer is the most that a function may answer.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxAnswer = 6 << 20

// invocation is one that waits for its answer.
type invocation struct {
	id      string
	payload []byte
	done    chan outcome // has room for one
}

// outcome is an answer or an error.
type outcome struct {
	payload json.RawMessage
	err     *FunctionError
}

// answered is the answer if there is one after all, and else the error.
func (i *invocation) answered(otherwise *FunctionError) outcome {
	select {
	case o := <-i.done:
		return o
	default:
		return outcome{err: otherwise}
	}
}

// routes are the four calls of the Runtime API.
func (s *sandbox) routes(o Options) http.Handler {
	const api = "/2018-06-01/runtime"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api+"/invocation/next", func(w http.ResponseWriter, r *http.Request) { s.giveNext(w, r, o) })
	mux.HandleFunc("POST "+api+"/invocation/{id}/response", func(w http.ResponseWriter, r *http.Request) {
		s.take(w, r, func(body []byte) (outcome, error) {
			if !json.Valid(body) {
				return outcome{}, fmt.Errorf("the answer is not JSON: %q", body)
			}
			return outcome{payload: body}, nil
		})
	})
	mux.HandleFunc("POST "+api+"/invocation/{id}/error", func(w http.ResponseWriter, r *http.Request) {
		s.take(w, r, func(body []byte) (outcome, error) {
			e, err := readError(body)
			return outcome{err: e}, err
		})
	})
	mux.HandleFunc("POST "+api+"/init/error", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
			return
		}
		e, err := readError(body)
		if err != nil {
			refuse(w, http.StatusBadRequest, "InvalidErrorShape", err.Error())
			return
		}
		select {
		case s.initFailed <- e:
			accept(w)
		default:
			refuse(w, http.StatusForbidden, "InvalidStateTransition", "it has said so already")
		}
	})
	return mux
}

// giveNext waits for an invocation and hands it over. Its time begins now.
func (s *sandbox) giveNext(w http.ResponseWriter, r *http.Request, o Options) {
	select {
	case inv := <-s.next:
		s.mu.Lock()
		s.current = inv
		s.mu.Unlock()
		h := w.Header()
		h.Set("Content-Type", "application/json")
		h.Set("Lambda-Runtime-Aws-Request-Id", inv.id)
		h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(time.Now().Add(o.Timeout).UnixMilli(), 10))
		h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:"+o.Region+":123456789012:function:"+o.Name)
		h.Set("Lambda-Runtime-Trace-Id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0")
		_, _ = w.Write(inv.payload) // a process that is gone is noticed by its exit
	case <-r.Context().Done():
	case <-s.exited:
		refuse(w, http.StatusGone, "Gone", "the process has ended")
	}
}

// take passes an answer on to whoever waits for it.
func (s *sandbox) take(w http.ResponseWriter, r *http.Request, read func([]byte) (outcome, error)) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxAnswer+1))
	if err != nil {
		refuse(w, http.StatusBadRequest, "InvalidRequest", err.Error())
		return
	}
	s.mu.Lock()
	inv := s.current
	if inv != nil && inv.id == r.PathValue("id") {
		s.current = nil
	}
	s.mu.Unlock()
	if inv == nil || inv.id != r.PathValue("id") {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "no such invocation: "+r.PathValue("id"))
		return
	}
	if len(body) > maxAnswer {
		inv.done <- outcome{err: &FunctionError{"Function.ResponseSizeTooLarge", fmt.Sprintf("Response payload size exceeded maximum allowed payload size (%d bytes).", maxAnswer)}}
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", "the answer is too large")
		return
	}
	became, err := read(body)
	if err != nil {
		became = outcome{err: &FunctionError{"Runtime.InvalidResponse", err.Error()}}
	}
	accept(w)
	inv.done <- became
}

func readError(body []byte) (*FunctionError, error) {
	var e FunctionError
	if err := json.Unmarshal(body, &e); err != nil || e.Type == "" {
		return nil, fmt.Errorf("wanted errorType and errorMessage, got %q", body)
	}
	return &e, nil
}

func accept(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`) // as above
}

func refuse(w http.ResponseWriter, status int, kind, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(FunctionError{kind, text}) // as above
}
