package cairn.server.api;

import static cairn.Fault.FORBIDDEN;
import static cairn.server.api.ApiDoor.required;

import cairn.StoreException;
import cairn.api.BackupMessages.Backup;
import cairn.api.BackupMessages.StartBackup;
import cairn.api.Json;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpReply;

/** Begins backups of the store, and says how far they are. */
public final class BackupApi {
    /** Who makes them. */
    public interface Backups {
        /** @param folder as it was asked for */
        Backup start(String folder);

        /** The last one. @throws StoreException NOT_FOUND if that is another */
        Backup read(String id);
    }

    private final Backups backups;

    public BackupApi(Backups backups) {
        this.backups = backups;
    }

    HttpReply start(HttpCall call) {
        call.requireOnly();
        requireRoot(call);
        return ApiDoor.json(
                backups.start(required("folder", Json.decode(call.body(), StartBackup.class).folder())));
    }

    HttpReply show(HttpCall call, String id) {
        call.requireOnly();
        requireRoot(call);
        return ApiDoor.json(backups.read(id));
    }

    private static void requireRoot(HttpCall call) {
        if (!call.caller().isRoot()) {
            throw new StoreException(FORBIDDEN, "only the root account makes backups of the store");
        }
    }
}
