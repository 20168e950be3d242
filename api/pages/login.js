// The code of a link stands behind its #, which no browser sends, so that no log on the way has it.
function take() {
  const code = new URLSearchParams(location.hash.slice(1)).get('code')
  if (!code) return
  history.replaceState(null, '', location.pathname)
  const { link, password } = document.forms
  link.elements.code.value = code
  link.hidden = false
  password.hidden = true
}
addEventListener('hashchange', take)
take()
