package builtin

import (
	"context"
	"fmt"
	"time"
)

type helloInput struct {
	Name    string `json:"name"`
	Seconds *int   `json:"seconds"`
}

type helloOutput struct {
	Greeting string `json:"greeting"`
}

// Hello greets somebody, slowly: its ten steps take as many seconds as its input says, and show what
// progress looks like. It ends early, with the context's cause, when the context does.
func Hello(ctx context.Context, env Env) error {
	return run(ctx, env, hello)
}

func hello(ctx context.Context, input helloInput, t *task) (helloOutput, error) {
	const steps = 10
	name, seconds := "world", 3
	if input.Name != "" {
		name = input.Name
	}
	if input.Seconds != nil {
		seconds = *input.Seconds
	}
	pause := time.Duration(seconds) * time.Second / steps
	for step := range steps {
		if err := t.step((step+1)*100/steps, fmt.Sprintf("step %d of %d", step+1, steps)); err != nil {
			return helloOutput{}, err
		}
		select {
		case <-ctx.Done():
			return helloOutput{}, context.Cause(ctx)
		case <-time.After(pause):
		}
	}
	return helloOutput{Greeting: "Hello, " + name + "!"}, nil
}
