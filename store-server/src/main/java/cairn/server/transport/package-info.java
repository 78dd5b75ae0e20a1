/**
 * The sockets and event loops that all doors are served on.
 *
 * <p>Start at {@link cairn.server.transport.Transport}.
 */
package cairn.server.transport;
