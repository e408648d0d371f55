package cli

import "testing"

func TestLocaleOfTheTerminal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		environ []string
		want    string
	}{
		{nil, ""},
		{[]string{"LANG=de_DE.UTF-8"}, "de-DE"},
		{[]string{"LANG=zh_CN"}, "zh-CN"},
		{[]string{"LANG=de"}, "de"},
		{[]string{"LANG=de_DE@euro"}, "de-DE"},
		{[]string{"LANG=de_DE.ISO8859-15@euro"}, "de-DE"},
		{[]string{"LANG=en_US.UTF-8", "LC_MESSAGES=zh_CN.UTF-8"}, "zh-CN"},
		{[]string{"LANG=en_US.UTF-8", "LC_MESSAGES=zh_CN.UTF-8", "LC_ALL=fr_FR.UTF-8"}, "fr-FR"},
		{[]string{"LANG=en_US.UTF-8", "LC_ALL="}, "en-US"},
		{[]string{"LANG=de_DE.UTF-8", "LC_ALL=C"}, ""},
		{[]string{"LANG=de_DE.UTF-8", "LC_MESSAGES=POSIX"}, ""},
		{[]string{"LANG=C.UTF-8"}, ""},
		{[]string{"LANG=POSIX"}, ""},
		{[]string{"LANG=/usr/share/locale/de"}, ""},
		{[]string{"LC_TIME=de_DE.UTF-8", "LANGUAGE=de"}, ""},
	} {
		p := &program{environ: tt.environ}
		if got := p.locale(); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.environ, got, tt.want)
		}
	}
}
