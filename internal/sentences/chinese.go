package sentences

// chineseTexts are the texts in Chinese, with the keys of [englishTexts].
func chineseTexts() Catalogue {
	return Catalogue{ //nolint:gosec // G101: "tokens" are no secrets here
		"usage":         "用法：%s%s %s",
		"unknown":       "未知命令：%[1]s%[2]s。发送 %[1]shelp 查看可用命令。",
		"unknown.near":  "您是不是想用 %s%s？",
		"where.private": "%s%s 只能在私聊中使用。",
		"where.group":   "%s%s 只能在群聊中使用。",
		"who":           "您无权使用 %s%s。",
		"not.saved":     "未保存：%s。",
		"available":     "可选：%s。发送 %s%s default 恢复默认设置。",

		"refused.too_many_facts":            "已有 %d 条记忆",
		"refused.too_many_preferences":      "已有 %d 项偏好",
		"refused.preference_key_too_long":   "键超过 %d 字节",
		"refused.preference_value_too_long": "值超过 %d KiB",
		"refused.invalid_preference":        "键和值必须是不含 NUL 字符的文本",
		"refused.fact_key_too_long":         "键超过 %d 字节",
		"refused.fact_value_too_long":       "值超过 %d 字节",
		"refused.invalid_fact":              "键和值必须是不含 NUL 字符的文本",
		"refused.reason_too_long":           "理由超过 %d 字节",
		"refused.invalid_reason":            "理由必须是不含 NUL 字符的文本",
		"refused.invalid_person":            "此发送者的显示名称无法保存",

		"help.help":  "显示此列表",
		"help.title": "可用命令：",

		"save.help":  "保存一项偏好",
		"save.done":  "已保存偏好“%s”，值为“%s”",
		"load.help":  "查看一项偏好",
		"load.found": "偏好“%s”：%s",
		"load.none":  "没有找到偏好“%s”",

		"remember.help":         "记住一件事；不带内容则查看；search 加文字则搜索",
		"remember.done":         "我会记住：%s 是 %s",
		"remember.already":      "我已经记住：%[1]s 是 %[2]s。请先发送 %[3]sforget %[1]s。",
		"remember.fact":         "%s 是 %s",
		"remember.none":         "我不记得关于“%s”的事",
		"remember.nothing.like": "我不记得与“%s”相似的事",
		"remember.more":         "还有 %d 条",
		"forget.help":           "忘记一件事",
		"forget.done":           "已忘记“%s”",
		"forget.others":         "“%s”是别人让我记住的，只有管理员可以让我忘记",

		"kudos.help":         "感谢某人；不带名字则查看自己的点赞",
		"kudos.done":         "@%s 现在有 %d 个赞",
		"kudos.self":         "不能给自己点赞",
		"kudos.own":          "您有 %d 个赞",
		"leaderboard.help":   "显示本群排行榜",
		"leaderboard.nobody": "排行榜上还没有人",

		"history.help":  "显示本对话最近 n 条消息（默认 10 条）",
		"history.title": "最近 %d 条消息：",
		"history.kept":  "已显示 %d 条消息",
		"history.none":  "没有历史消息。",
		"history.you":   "你：",
		"history.bot":   "机器人：",

		"stats.help":     "显示使用统计，或各命令的使用次数",
		"stats.bot":      "统计信息：\n对话总数：%d\n消息总数：%d\n用户总数：%d",
		"stats.commands": "命令统计：",
		"stats.unused":   "还没有使用过命令。",

		"tokens.help":      "显示已用的 token 数",
		"tokens.used":      "您已用的 token：%d",
		"tokens.here":      "本对话已用的 token：%d",
		"tokens.left.chat": "本聊天剩余额度：%d / %d，将于 %s 重新计算。",
		"tokens.left":      "剩余额度：%d / %d，将于 %s 重新计算。",

		"model.help":  "查看或设置本对话的模型",
		"model.now":   "本对话使用模型 %s。",
		"model.set":   "本对话现在使用模型 %s。",
		"model.unset": "本对话现在使用默认模型。",
		"model.wrong": "没有可选的模型“%s”。",
		"model.none":  "没有其他可选的模型。",

		"persona.help":  "查看或设置本对话的角色",
		"persona.now":   "本对话使用角色 %s。",
		"persona.set":   "本对话现在使用角色 %s。",
		"persona.unset": "本对话现在不使用专门的角色。",
		"persona.wrong": "没有角色“%s”。",
		"persona.none":  "没有配置角色。",

		"export.help": "以 JSON 显示本对话",
		"export.none": "还没有可导出的内容。",
		"export.kept": "已导出 %d 条消息",
		"export.long": "本对话有 %d 条消息，超过此处可显示的 %d KiB。管理员可以导出全部内容：parley conversations export %d",

		"reset.help": "清空本对话",
		"reset.done": "对话已清空",

		"forget-me.help":  "删除关于您的一切记录",
		"forget-me.ask":   "这将删除关于您的一切记录（所有聊天）：%d 个对话共 %d 条消息、%d 项偏好、私聊中的 %d 条记忆、%d 个排行榜上的分数、您的名字以及事件日志中与您有关的内容。请在十分钟内发送 %sforget-me yes 确认。",
		"forget-me.first": "请先发送 %sforget-me：它会说明将删除什么。",
		"forget-me.done":  "关于您的一切记录已删除。",

		"echo.said": "您说：%s",
		"echo.hint": "这是离线的 echo 模型：要与真正的模型对话，请设置 OPENAI_API_KEY，或在 config.yaml 中设置 ai.base_url 和 ai.model，并用 `parley doctor` 检查。",

		"ai.off":         "我在这里只懂命令。发送 %shelp 查看可用命令。",
		"ai.budget.chat": "本聊天的 %d token 额度已用完，将于 %s 重新计算。",
		"ai.nothing":     "请发送您的问题，或发送 %shelp 查看我能做什么。",
		"ai.budget":      "您的 %d token 额度已用完，将于 %s 重新计算。",

		"cut.reply":  "（回复过长，无法完整显示，其余部分已省略。）",
		"cut.model":  "（模型在此停止：回答已达到长度上限。）",
		"cut.oldest": "（更早的消息已省略：回答会过长。）",

		"sorry.declined": "抱歉，我无法回答：AI 服务拒绝了这个请求。请换一种说法再试。",
		"sorry.long":     "抱歉，内容太长了。请发送更短的消息，或开始新的对话。",
		"sorry.empty":    "抱歉，我没能给出回答。请换一种说法再试。",
		"sorry.busy":     "抱歉，AI 服务目前繁忙或无法连接。请几分钟后再试。",
		"sorry.setup":    "抱歉，由于我的配置问题，目前无法回答。请告知管理员。",
		"sorry.internal": "抱歉，我这边出了点问题。请稍后再试。",

		"status.failed":      "这次尝试失败了，将会重试。",
		"status.discarded":   "管理员已放弃处理这条消息。",
		"status.undelivered": "回复未能送达。",
		"status.dead":        "无法生成回复。详情请询问管理员。",
		"status.ignored":     "这条消息不会得到回复。",
		"status.waiting":     "回复尚未完成，仍在生成中。",
	}
}
