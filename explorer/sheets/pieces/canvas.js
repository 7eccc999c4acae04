function canvas(root, data, tell, ask) {
  root.textContent = data.alt ?? ""
}
