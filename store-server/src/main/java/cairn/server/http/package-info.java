/**
 * What the HTTP doors share: connections, signatures, bounded bodies, and the way from a request to its door's reply.
 *
 * <p>Start at {@link cairn.server.http.HttpConnection}. Always true: a request is authenticated by its head before
 * anything is kept of its body, room for the body and for the reply is reserved before either is read or made, and
 * doors run on threads that may block, never on an event loop.
 */
package cairn.server.http;
