/**
 * A tree seen as a disk: from a range of bytes to pages, to chunks, to bytes.
 *
 * <p>Start at {@link cairn.server.volume.Volume}. Always true: nothing here blocks its caller; what is cached is
 * answered at once, on the caller's thread, and the rest comes from a small pool of threads that may block.
 */
package cairn.server.volume;
