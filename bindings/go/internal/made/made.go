// Package made lets pulsartest make values whose fields are not for programs.
package made

// Error makes a *pulsar.Error of a Result. Package pulsar sets it.
var Error func(result int, text string) error
