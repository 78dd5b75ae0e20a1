/**
 * What the HTTP doors share: connections, signatures, bounded bodies, and the way from a request to its door's reply.
 *
 * <p>Start at {@link cairn.server.http.HttpConnection}. Always true: before anything is kept of a body, its head has
 * been authenticated, or (where the body's hash is to be had from the body alone) at least names a key that is known;
 * room for the body and for the reply is reserved before either is read or made; doors run on threads that may block,
 * never on an event loop; and each answer names its request, in {@code x-amzn-RequestId} and in the log.
 */
package cairn.server.http;
