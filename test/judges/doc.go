// Package judges holds the fakes of Slack, of its Socket Mode and its Web API, and
// of Feishu's long connection and API, to the platforms' own clients: what those
// understand and acknowledge, the fakes say as the platforms do. And it holds our client
// of models to a mock of their API that others have made.
package judges
