package cairn.cli;

import cairn.Fault;
import cairn.StoreException;
import cairn.api.BackupMessages.Backup;
import cairn.api.BackupMessages.StartBackup;
import cairn.client.StoreClient;
import java.time.Duration;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

@Command(
        name = "backup",
        description = "Copy the whole store, as it is at one moment, into a new folder of the server's host, while it serves.")
final class BackupCommand extends StoreCommand {
    private static final long FIRST_PAUSE_MILLIS = 20;
    private static final long LONGEST_PAUSE_MILLIS = 500;

    @Parameters(
            paramLabel = "DIR",
            description = "an absolute path; linked where it is in the store's file system, else copied")
    private String folder;

    @Option(names = "--json", description = "print a JSON object")
    private boolean isJson;

    BackupCommand(Terminal terminal) {
        super(terminal);
    }

    @Override
    int run(StoreClient client) {
        Backup made = await(client, client.startBackup(new StartBackup(folder)));
        if (made.state().equals(Backup.FAILED)) {
            throw new StoreException(made.fault(), made.failure());
        }
        if (isJson) {
            printJson(made);
            return DONE;
        }
        new Fields()
                .put("backup", made.folder())
                .put("stored", Sizes.bytes(made.bytes()) + " in " + Sizes.count(made.files(), "file"))
                .put("linked", Sizes.bytes(made.linkedBytes()) + " in " + Sizes.count(made.linkedFiles(), "file")
                        + ", which take space once the store has dropped them")
                .put("time", Sizes.seconds(Duration.ofMillis(made.millis())))
                .print(terminal.out());
        return DONE;
    }

    private Backup await(StoreClient client, Backup started) {
        Backup now = started;
        long pauseMillis = FIRST_PAUSE_MILLIS;
        try (ProgressLine line = new ProgressLine(terminal, "backup")) {
            while (now.state().equals(Backup.RUNNING)) {
                line.update(now.doneBytes(), now.bytes(), now.doneBytes());
                Thread.sleep(pauseMillis);
                pauseMillis = Math.min(2 * pauseMillis, LONGEST_PAUSE_MILLIS);
                now = client.backup(started.id());
            }
            return now;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new StoreException(Fault.UNAVAILABLE, "interrupted; the backup goes on", e);
        }
    }
}
