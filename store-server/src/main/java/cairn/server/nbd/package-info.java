/**
 * Serves volumes over NBD, so that machines can boot from them and write to them.
 *
 * <p>Start at {@link cairn.server.nbd.NbdConnection}: a handshake chooses an export, then gives way to decoder,
 * encoder and request handler. {@link cairn.server.nbd.NbdServer} listens, and ends all connections when it closes.
 *
 * <p>Always true: all of this runs on a channel's event loop and must not block; what a volume does finishes elsewhere
 * and returns to it. Every request is answered once, or its connection closes. What a peer may make us do or hold is
 * bounded by {@link cairn.server.nbd.NbdLimits}, and room is made before anything is allocated.
 *
 * @see <a href="https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md">The protocol</a>
 */
package cairn.server.nbd;
