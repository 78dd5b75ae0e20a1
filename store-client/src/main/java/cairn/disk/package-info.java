/**
 * Reads the file that holds a disk, whatever its format, as a sparse disk.
 *
 * <p>Start at {@link cairn.disk.DiskSource}. {@code DiskFile} is the open file: positional reads, its holes, whether it
 * has changed. Each format is one {@code MappedDisk}, which says where the file keeps a piece of the disk
 * ({@code Extent}); the rest is common to all.
 *
 * <p>Always true, because the file may come from anybody: no path named in a file is followed, nothing is allocated
 * for a number in it before that number is checked against the file's length and a named limit, tables are read
 * through a cache of fixed size, nothing recurses, and a cluster unpacks to no more than its size. What cannot be
 * read with certainty is refused; only {@link cairn.StoreException} comes out.
 */
package cairn.disk;
