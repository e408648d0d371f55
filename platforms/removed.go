package platforms

// Removable is an app that its platform, or an admin there, can take away or
// switch off while the server runs.
type Removable interface {
	// Removed returns why nothing can be sent, by tenant: "" stands for all of them.
	// It is empty as long as the app is there.
	Removed() map[string]string
}
