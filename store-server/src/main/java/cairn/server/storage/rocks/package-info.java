/**
 * Storage kept in an embedded RocksDB; the only package that imports {@code org.rocksdb}.
 *
 * <p>Start at {@link cairn.server.storage.rocks.RocksStorage}. The data folder:
 * <pre>
 *   VERSION        "cairn store 2": what the rest looks like
 *   pid            the process that has the folder open
 *   rocks/         the database, with RocksDB's own LOCK, which keeps a second server out
 *   segments/      segment files being written; moved into rocks/ when sealed, removed at open
 * </pre>
 * and the database's column families, numbers big-endian:
 * <pre>
 *   family         key                                     value
 *   default        "segment-numbers"                       8: the first segment number not yet set aside
 *                  "rewriting"                             17: what is being rewritten, while it is
 *   chunks         ordinal 8, item kind 1, item digest 32  packed item
 *   chunk-index    domain 4, item kind 1, item digest 32   8: ordinal
 *   catalog        record's key in UTF-8                   version 8, value
 *   volume-blocks  volume 8, layer 4, block index 8        4,096: the block
 *   volume-states  volume 8, layer 4, chunk index 8        4: the chunk's states
 *   pending-blocks snapshot 8, block index 4               288: the block's 8 chunks and its SHA-256
 *   settled        as chunks                               packed item, plain: chunks that were rewritten to be small
 *   quick          as chunks                               packed item: pages and quick chunks that were rewritten
 *   healed         as chunks                               packed item, in place of one that is damaged
 *   page-children  page's ordinal 8                        {@link cairn.server.storage.PageChildren}
 * </pre>
 *
 * <p>Always true: what a later write relies on is on disk no later than that write. Segment files are synced, with the
 * manifest that names them, before they can be read; all else goes through one write-ahead log, whose order a crash can
 * cut short but not change, and which a commit syncs. That order holds between families too, however much one of them
 * writes: rows of a family go to a file only once all older logs, with every family's rows in them, are synced (see
 * {@link cairn.server.storage.rocks.RocksSegmentStore}), so a busy volume that forces files out never puts a row there
 * that relies on one still unsynced. A volume's states and blocks change in one record of the log, and so together.
 */
package cairn.server.storage.rocks;
