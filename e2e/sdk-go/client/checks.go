package main

import (
	"encoding/json"
	"fmt"
	"os"
	"reflect"
	"runtime/debug"
)

var checks = map[string]func(){}

// failure is what a check panics with when it does not hold.
type failure string

// runChecks runs what E2E_CHECKS names, in its order, and prints one line of JSON for each: what the tests read.
func runChecks() {
	var names []string
	must(json.Unmarshal([]byte(os.Getenv("E2E_CHECKS")), &names))
	for _, name := range names {
		report := map[string]any{"check": name, "ok": true}
		if detail := problemOf(name); detail != "" {
			report = map[string]any{"check": name, "ok": false, "detail": detail}
		}
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetEscapeHTML(false)
		must(encoder.Encode(report))
	}
}

func problemOf(name string) (detail string) {
	defer func() {
		if problem := recover(); problem != nil {
			detail = fmt.Sprintf("%v\n%s", problem, debug.Stack())
		}
	}()
	check, ok := checks[name]
	if !ok {
		return "this program has no such check"
	}
	check()
	return ""
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// value returns the value of a call that has to succeed.
func value[T any](result T, err error) T {
	must(err)
	return result
}

func equal(actual, expected any) {
	if !reflect.DeepEqual(actual, expected) {
		panic(failure(fmt.Sprintf("expected %#v, got %#v", expected, actual)))
	}
}

// decoded reads JSON that a program has answered with.
func decoded[T any](data []byte) T {
	var result T
	if err := json.Unmarshal(data, &result); err != nil {
		panic(failure(fmt.Sprintf("%s: %s", err, data)))
	}
	return result
}
