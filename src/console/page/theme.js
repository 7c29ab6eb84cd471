// Before the first paint: the theme that was chosen, if one was.
try {
  const theme = localStorage.getItem('sluice-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch { /* storage may be forbidden; the system's theme will do */ }
