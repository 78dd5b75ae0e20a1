/**
 * A disk on its way in, until it is sealed as a snapshot and an image.
 *
 * <p>Start at {@link cairn.server.upload.Uploads}. Always true: a client is believed nothing. Every chunk and page is
 * unpacked and hashed, a page is kept only after its children, and the root is computed again before it is committed.
 */
package cairn.server.upload;
