/**
 * Serves volumes over NBD, so that machines can boot from them.
 *
 * <p>Always true: all of this runs on a channel's event loop and must not block; reads finish elsewhere and return to it.
 *
 * @see <a href="https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md">The protocol</a>
 */
package cairn.server.nbd;
