package cairn.api;

import cairn.Fault;

/** Messages about backups of the store itself, for root alone. */
public final class BackupMessages {
    private BackupMessages() {}

    /** @param folder that does not exist, by its absolute path on the server's host */
    public record StartBackup(String folder) {}

    /**
     * A backup, in progress or ended.
     *
     * @param folder which is there once the backup is completed, never before
     * @param state {@code running}, {@code completed} or {@code failed}
     * @param millis from its beginning until now, or its end
     * @param doneBytes how many of them are in the backup
     * @param bytes of all its files; 0 until they are known
     * @param files how many; 0 until it is completed, as those that follow
     * @param linkedFiles files that are the original's too, and take no space while the original has them
     * @param linkedBytes of these
     * @param fault absent unless it has failed
     * @param failure what went wrong, likewise
     */
    public record Backup(
            String id,
            String folder,
            String state,
            String startedAt,
            long millis,
            long doneBytes,
            long bytes,
            int files,
            int linkedFiles,
            long linkedBytes,
            Fault fault,
            String failure) {
        public static final String RUNNING = "running";
        public static final String COMPLETED = "completed";
        public static final String FAILED = "failed";
    }
}
