/**
 * Storage kept in an embedded RocksDB; the only package that imports {@code org.rocksdb}.
 *
 * <p>Start at {@link cairn.server.storage.rocks.RocksStorage}. The data folder:
 * <pre>
 *   VERSION        "cairn store 1": what the rest looks like
 *   pid            the process that has the folder open
 *   rocks/         the database, with RocksDB's own LOCK, which keeps a second server out
 *   segments/      segment files being written; moved into rocks/ when sealed, removed at open
 * </pre>
 * and the database's column families, numbers big-endian:
 * <pre>
 *   family       key                                     value
 *   default      "segment-numbers"                       8: the first segment number not yet set aside
 *   chunks       ordinal 8, item kind 1, item digest 32  packed item
 *   chunk-index  domain 4, item kind 1, item digest 32   8: ordinal
 *   catalog      record's key in UTF-8                   version 8, value
 * </pre>
 *
 * <p>Always true: what a later write relies on is on disk no later than that write. Segment files are synced, with the
 * manifest that names them, before they can be read; all else goes through one write-ahead log, whose order a crash can
 * cut short but not change, and which a commit syncs.
 */
package cairn.server.storage.rocks;
