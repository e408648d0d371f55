package commands

import "context"

// stats counts what is stored of the asker's tenant. It runs before its own
// messages are stored, so they are not counted.
func stats(store Store, m Memory) Command {
	return Command{
		Name: "stats",
		Help: Text{En: "Show how much the bot is used", Zh: "显示使用统计"},
		Run: func(ctx context.Context, c Call) (Answer, error) {
			conversations, messages, err := store.TenantStats(ctx, c.Person.Tenant)
			if err != nil {
				return Answer{}, err
			}
			people, err := m.People(ctx, c.Person.Tenant)
			if err != nil {
				return Answer{}, err
			}
			return Answer{Text: c.say(Text{
				En: "Bot Statistics:\nTotal Conversations: %d\nTotal Messages: %d\nTotal Users: %d",
				Zh: "统计信息：\n对话总数：%d\n消息总数：%d\n用户总数：%d",
			}, conversations, messages, people)}, nil
		},
	}
}
