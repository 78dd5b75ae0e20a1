/**
 * Cuts disks into chunks, names them and packs them.
 *
 * <p>Start at {@link cairn.chunk.Chunk} for the grid and {@link cairn.chunk.ChunkCodec} for the bytes. Always true: a
 * chunk's plain length is {@link cairn.chunk.Chunk#SIZE_BYTES}, its name is the SHA-256 of those bytes, and a chunk of
 * zeros is {@linkplain cairn.chunk.ChunkId#ABSENT absent}.
 */
package cairn.chunk;
