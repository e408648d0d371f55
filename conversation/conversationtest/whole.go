package conversationtest

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parley-bot/parley/conversation"
)

func stats(t *testing.T, s Store) {
	ctx := t.Context()
	got, err := s.Stats(ctx)
	must(t, err)
	equal(t, "empty", got, conversation.Stats{})
	for i, n := range []int{1, 4, 2} {
		key := keyOf(t)
		key.UserKey = fmt.Sprint("generic:private:", i)
		_, err := s.Import(ctx, archiveOf(key, longAgo(), n), conversation.ImportNew)
		must(t, err)
	}
	got, err = s.Stats(ctx)
	must(t, err)
	equal(t, "stats", got, conversation.Stats{
		TotalConversations: 3, TotalMessages: 7, TotalTokens: 21,
		AverageMessagesPerConversation: 2.33, AverageTokensPerConversation: 7,
		LongestConversationMessages: 4, LongestConversationUser: "generic:private:1",
	})
}

func tenants(t *testing.T, s Store) {
	for i, tenant := range []string{"T1", "t1", "T1 ", "T1", ""} {
		key := keyOf(t)
		key.Tenant, key.ChatID = tenant, fmt.Sprint(i)
		_, err := s.Import(t.Context(), archiveOf(key, longAgo(), i+1), conversation.ImportNew)
		must(t, err)
	}
	for tenant, want := range map[string][2]int64{"T1": {2, 5}, "t1": {1, 2}, "T1 ": {1, 3}, "": {1, 5}, "T2": {0, 0}} {
		conversations, messages, err := s.RealmStats(t.Context(), tenant, "generic")
		must(t, err)
		equal(t, "tenant "+tenant, [2]int64{conversations, messages}, want)
	}
}

func list(t *testing.T, s Store) {
	ctx := t.Context()
	items, next, err := s.List(ctx, conversation.ListOptions{})
	must(t, err)
	equal(t, "empty", fmt.Sprintf("%d %q", len(items), next), `0 ""`)
	for i := range 7 { // two and two are active in the same microsecond
		key := keyOf(t)
		key.ChatID, key.Platform = fmt.Sprint(i), []string{"slack", "feishu"}[i%2]
		_, err := s.Import(ctx, archiveOf(key, longAgo().Add(time.Duration(i/2)*time.Microsecond), 1), conversation.ImportNew)
		must(t, err)
	}
	for _, limit := range []int{1, 2, 3, 7, 0} {
		equal(t, fmt.Sprint("pages of ", limit), pages(t, s, conversation.ListOptions{Limit: limit}), "6 5 4 3 2 1 0")
	}
	equal(t, "slack", pages(t, s, conversation.ListOptions{Limit: 2, Platform: "slack"}), "6 4 2 0")
	equal(t, "nobody", pages(t, s, conversation.ListOptions{UserKey: "x"}), "")
	_, _, err = s.List(ctx, conversation.ListOptions{Limit: -1})
	wantErr(t, err, conversation.ErrInvalid)
}

// pages returns the chats of all pages in order.
func pages(t *testing.T, s Store, o conversation.ListOptions) string {
	t.Helper()
	var chats []string
	for {
		items, next, err := s.List(t.Context(), o)
		must(t, err)
		for i := range items {
			chats = append(chats, items[i].ChatID)
		}
		if next == "" || len(chats) > 20 {
			return strings.Join(chats, " ")
		}
		o.Cursor = next
	}
}

func search(t *testing.T, s Store) {
	for i, content := range []string{"about Parrots", "100% sure", "under_score", "it's ! here ?"} {
		key := keyOf(t)
		key.ChatID = fmt.Sprint(i)
		a := archiveOf(key, longAgo().Add(time.Duration(i)*time.Hour), 2)
		a.Messages[1].Content = content
		a.Conversation.Summary = fmt.Sprint("Summary ", i)
		_, err := s.Import(t.Context(), a, conversation.ImportNew)
		must(t, err)
	}
	for q, want := range map[string]string{
		"parrots": "0", "PARROTS": "0", "0%": "1", "r_s": "2", "'s ! here ?": "3", "summary": "3 2 1 0",
		"summary 2": "2", "generic:private": "3 2 1 0", "message": "3 2 1 0", "nothing": "", "r%s": "",
	} {
		equal(t, q, pages(t, s, conversation.ListOptions{Query: q, Limit: 2}), want)
	}
	c, err := s.Find(t.Context(), conversation.Key{UserKey: keyOf(t).UserKey, ChatID: "0"})
	must(t, err)
	must(t, s.Clear(t.Context(), c.ID))
	equal(t, "cleared", pages(t, s, conversation.ListOptions{Query: "parrots"}), "")
}

// old fills a store with conversations that were last active n days ago.
func old(t *testing.T, s Store, days ...int) {
	t.Helper()
	for _, n := range days {
		key := keyOf(t)
		key.UserKey = fmt.Sprint("generic:private:", n)
		a := archiveOf(key, time.Now().AddDate(0, 0, -n).Add(-time.Minute), 3)
		_, err := s.Import(t.Context(), a, conversation.ImportNew)
		must(t, err)
	}
}

func users(t *testing.T, s Store) string {
	t.Helper()
	items, _, err := s.List(t.Context(), conversation.ListOptions{Limit: 500})
	must(t, err)
	var all []string
	for i := range items {
		all = append(all, strings.TrimPrefix(items[i].UserKey, "generic:private:"))
	}
	return strings.Join(all, " ")
}

func cleanup(t *testing.T, s Store) {
	old(t, s, 0, 5, 29, 30, 31, 400)
	for _, days := range []int{0, -1, conversation.MaxDays + 1, math.MaxInt} {
		_, err := s.CleanupOld(t.Context(), days)
		wantErr(t, err, conversation.ErrInvalid)
	}
	for _, step := range []struct {
		days    int
		deleted int64
		left    string
	}{{conversation.MaxDays, 0, "0 5 29 30 31 400"}, {365, 1, "0 5 29 30 31"}, {30, 2, "0 5 29"}, {30, 0, "0 5 29"}, {1, 2, "0"}} {
		n, err := s.CleanupOld(t.Context(), step.days)
		must(t, err)
		equal(t, fmt.Sprint("deleted at ", step.days), n, step.deleted)
		equal(t, "left", users(t, s), step.left)
	}
	many := make([]int, 250)
	for i := range many {
		many[i] = 100 + i
	}
	old(t, s, many...)
	n, err := s.CleanupOld(t.Context(), 30)
	must(t, err)
	equal(t, "deleted of many", n, int64(250))
	equal(t, "left", users(t, s), "0")
}

func cleanupArchives(t *testing.T, s Store) {
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "a", "b")
	old(t, s, 1, 40, 50, 60)
	blocked := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(blocked, nil, 0o600))
	if _, err := s.CleanupOldArchived(ctx, 30, filepath.Join(blocked, "dir"), nil); err == nil {
		t.Error("an archive that cannot be made is no error")
	}
	equal(t, "left after a failed archive", users(t, s), "1 40 50 60")
	_, err := s.CleanupOldArchived(ctx, 30, "", nil)
	wantErr(t, err, conversation.ErrInvalid)

	n, err := s.CleanupOldArchived(ctx, 55, dir, []string{"generic:private:50"})
	must(t, err)
	equal(t, "deleted", n, int64(1))
	equal(t, "archived: nobody that was named", len(files(t, dir)), 0)
	n, err = s.CleanupOldArchived(ctx, 30, dir, []string{"generic:private:50"})
	must(t, err)
	equal(t, "deleted", n, int64(2))
	equal(t, "archived", len(files(t, dir)), 1)
	old(t, s, 70, 80)
	n, err = s.CleanupOldArchived(ctx, 30, dir, nil)
	must(t, err)
	equal(t, "deleted", n, int64(2))
	equal(t, "left", users(t, s), "1")
	restored, err := s.Restore(ctx, dir, conversation.ImportNew)
	must(t, err)
	equal(t, "restored", restored, 3)
	equal(t, "after restoring", users(t, s), "1 50 70 80")
}

func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func backup(t *testing.T, s Store) {
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "backup")
	n, err := s.BackupAll(ctx, dir)
	must(t, err)
	equal(t, "of nothing", n, 0)
	names := []string{"alice", "Alice", "../../etc/passwd", "CON", ".hidden", "a/b\\c", "🦜", "spaces at the end  ", strings.Repeat("é", 255)}
	for _, name := range names {
		key := keyOf(t)
		key.UserKey = "generic:private:" + name
		_, err := s.Import(ctx, archiveOf(key, longAgo(), 3), conversation.ImportNew)
		must(t, err)
	}
	for range 2 { // a second run replaces the files of the first
		n, err = s.BackupAll(ctx, dir)
		must(t, err)
		equal(t, "written", n, len(names))
		equal(t, "files", len(files(t, dir)), len(names))
	}
	before := archives(t, s)
	n, err = s.Restore(ctx, dir, conversation.ImportMerge)
	must(t, err)
	equal(t, "merged", n, len(names))
	equal(t, "after a merge of what is there", archives(t, s), before)
	deleted, err := s.CleanupOld(ctx, 1)
	must(t, err)
	equal(t, "deleted", deleted, int64(len(names)))
	n, err = s.Restore(ctx, dir, conversation.ImportNew)
	must(t, err)
	equal(t, "restored", n, len(names))
	equal(t, "after restoring", archives(t, s), before)
}

// archives returns everything but ids, sorted.
func archives(t *testing.T, s Store) []string {
	t.Helper()
	items, _, err := s.List(t.Context(), conversation.ListOptions{Limit: 500})
	must(t, err)
	var texts []string
	for i := range items {
		a, err := s.Export(t.Context(), items[i].ID)
		must(t, err)
		texts = append(texts, withoutIDs(*a))
	}
	slices.Sort(texts)
	return texts
}

func damagedBackups(t *testing.T, s Store) {
	ctx, dir := t.Context(), t.TempDir()
	old(t, s, 1, 2, 3, 4)
	_, err := s.BackupAll(ctx, dir)
	must(t, err)
	names := files(t, dir)
	good := string(read(t, dir, names[0]))
	write(t, dir, names[0], good[:len(good)/2])
	write(t, dir, names[1], strings.Replace(string(read(t, dir, names[1])), `"content":"message"`, `"content":"massage"`, 1))
	write(t, dir, "other.json", `{"name":"not ours"}`)
	write(t, dir, "notes.txt", `ignored`)
	write(t, dir, "plain.json", `{"conversation":{"user_key":"generic:private:99"},"messages":[]}`)
	n, err := s.Restore(ctx, dir, conversation.ImportReplace)
	equal(t, "restored", n, 3)
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{names[0], names[1], "other.json", "checksum"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "plain.json") {
		t.Errorf("error %v", err)
	}
	wantErr(t, err, conversation.ErrInvalid)
	if _, err := s.Restore(ctx, filepath.Join(dir, "missing"), conversation.ImportNew); err == nil {
		t.Error("a missing directory is no error")
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	must(t, err)
	return data
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	must(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
}
