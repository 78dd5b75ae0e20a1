/**
 * Serves volumes over NBD, so that machines can boot from them.
 *
 * <p>Start at {@link cairn.server.nbd.NbdConnection}: a handshake chooses an export, then gives way to decoder,
 * encoder and request handler. {@link cairn.server.nbd.NbdServer} listens, and ends all connections when it closes.
 *
 * <p>Always true: all of this runs on a channel's event loop and must not block; reads finish elsewhere and return to
 * it. What a peer may make us do or hold is bounded by {@link cairn.server.nbd.NbdLimits}. Every export is read-only.
 *
 * @see <a href="https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md">The protocol</a>
 */
package cairn.server.nbd;
