package commands

import "context"

// load shows a preference of the person.
func load(m Memory) Command {
	const name, arguments = "load", "[key]"
	return Command{
		Name: name, Usage: arguments,
		Help: Text{En: "Show a preference", Zh: "查看一项偏好"},
		Run: func(ctx context.Context, c Call) (Answer, error) {
			if len(c.Args) != 1 {
				return c.usage(name, arguments), nil
			}
			key := c.Args[0]
			value, ok, err := m.Preference(ctx, c.Person, key)
			if err != nil {
				return Answer{}, err
			}
			if !ok {
				return Answer{Text: c.say(Text{
					En: "No preference found with key '%s'",
					Zh: "没有找到偏好“%s”",
				}, key)}, nil
			}
			return Answer{Text: c.say(Text{En: "Preference '%s': %s", Zh: "偏好“%s”：%s"}, key, value)}, nil
		},
	}
}
