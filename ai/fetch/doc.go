// Package fetch is the tool fetch_url: it reads a page of the public web for a model.
//
// What a model asks for may be what somebody has talked it into, so nothing is
// reached that the public internet does not have: of each address, also of one that
// is redirected to, the name is looked up once, all that it stands for is checked, and
// what was checked is dialled. No proxy is used, since it would look names up itself.
package fetch
