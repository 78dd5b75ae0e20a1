/**
 * Disks: from a range of bytes to pages, to chunks, to bytes; and back, for those that are written to.
 *
 * <p>Start at {@link cairn.server.volume.Volume}. {@link cairn.server.volume.TreeVolume} is an unchanging tree seen as
 * a disk, {@link cairn.server.volume.WritableVolume} a tree with {@linkplain cairn.server.volume.VolumeView layers} of
 * blocks over it. A write goes through {@link cairn.server.volume.WriteQueue} into a
 * {@link cairn.server.volume.BlockBatch}, a read through {@link cairn.server.volume.LayeredReader}; a snapshot is made
 * by {@link cairn.server.volume.SnapshotWriter}. {@link cairn.server.volume.Boots} learns what machines read when they
 * boot, and has it loaded before the next one asks.
 *
 * <p>Always true: a {@code Volume} never blocks its caller; what is cached is answered at once, on the caller's thread,
 * and the rest comes from small pools of threads that may block. One thread at a time changes a writable volume. What
 * readers see of it is what is stored: states are published after the batch that made them true.
 */
package cairn.server.volume;
