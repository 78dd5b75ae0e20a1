package cairn.api;

import cairn.Digest;
import cairn.tree.Page;

/**
 * Paths and limits of our own HTTP API. ID is an image's or a snapshot's where it stands behind {@code disks}
 * or {@code diff}, and a volume's too behind {@code exports}.
 * <pre>
 *   GET    store                                  -> StoreInfo
 *   POST   uploads                 StartUpload    -> Upload
 *   POST   uploads/ID/known        ids of pages   -> Known, a bit for each; pages of level 0, 32 bytes each
 *   POST   uploads/ID/ask          pages          -> Missing for each; pages of level 0, 8,200 bytes each
 *   POST   uploads/ID/items        ItemBatch      -> 204; children before their pages
 *   POST   uploads/ID/commit       CommitUpload   -> Image
 *   DELETE uploads/ID                             -> 204
 *   GET    images?after=ID                        -> ImageList
 *   GET    images/ID                              -> Image
 *   GET    images/ID/proof                        -> ImageProof
 *   GET    images/ID/profile                      -> BootProfile
 *   PUT    images/ID/sharing       ChangeSharing  -> Image
 *   PUT    images/ID/tags          ChangeTags     -> Image
 *   POST   images/ID/copies        CreateCopy     -> Image, the caller's own; no data moves
 *   GET    images/ID/explanation                 -> UsageMessages.Explanation
 *   DELETE images/ID                              -> 204; the snapshot goes too, unless another image names it
 *   GET    snapshots?after=ID                     -> SnapshotList
 *   GET    snapshots/ID                           -> Snapshot
 *   PUT    snapshots/ID/sharing    ChangeSharing  -> Snapshot
 *   PUT    snapshots/ID/tags       ChangeTags     -> Snapshot
 *   POST   snapshots/ID/copies     CreateCopy     -> Snapshot, likewise
 *   GET    snapshots/ID/explanation              -> UsageMessages.Explanation
 *   DELETE snapshots/ID                           -> 204
 *   GET    volumes?after=ID                       -> VolumeList
 *   POST   volumes                 CreateVolume   -> Volume
 *   GET    volumes/ID                             -> Volume
 *   PUT    volumes/ID/tags         ChangeTags     -> Volume
 *   GET    volumes/ID/explanation                -> UsageMessages.Explanation
 *   DELETE volumes/ID                             -> 204
 *   POST   volumes/ID/snapshots    CreateSnapshot -> Snapshot, which is made in the background
 *   POST   volumes/ID/images       CreateImage    -> Snapshot, likewise; once completed it names the image
 *   GET    disks/ID/pages?level=N&from=N&count=N  -> ItemBatch: the present ones of count pages from an index
 *   GET    disks/ID/chunks?from=N&count=N         -> ItemBatch: the present ones of count chunks, each id once
 *   GET    diff?first=ID&second=ID&offset=N       -> Diff
 *   POST   exports/ID                             -> ExportUri
 *   GET    stats                                  -> Stats
 *   GET    gc                                     -> GcMessages.Status
 *   POST   gc                      GcMessages.Act -> GcMessages.Done; a run goes on in the background
 *   GET    scrub                                  -> Scrub
 *   POST   scrub                   ScrubAction    -> Scrub
 *   GET    scrub/damage                           -> Damage
 *   POST   backup                  StartBackup    -> Backup, which is made in the background
 *   GET    backup/ID                              -> Backup, the last one
 *   GET    usage                                  -> UsageMessages.StoreUsage
 *   GET    usage/holders?offset=N                 -> UsageMessages.UsageList: images, volumes and so on
 *   GET    usage/accounts?offset=N                -> UsageMessages.UsageList
 *   GET    chunks/ID/explanation                  -> UsageMessages.ChunkExplanation
 *   GET    accounts                               -> AccountList
 *   GET    accounts/ID/explanation                -> UsageMessages.Explanation
 *   POST   accounts                CreateAccount  -> Account
 *   GET    keys                                   -> KeyList
 *   POST   keys                    CreateKey      -> Key
 *   PUT    keys/ID                 ChangeKey      -> Key
 *   DELETE keys/ID                                -> 204
 * </pre>
 * Failures come as {@link Messages.Failure} with a status of 400 or more.
 */
public final class Api {
    /** The name in the credential scope. */
    public static final String SERVICE = "cairn";
    /** What every path of this API begins with. */
    public static final String PREFIX = "/cairn/v1/";

    public static final String JSON_TYPE = "application/json";
    public static final String BINARY_TYPE = "application/octet-stream";

    /** Longest JSON message that either side takes. */
    public static final int JSON_BYTES_MAX = 1 << 20;
    /** Longest batch of items that either side takes. */
    public static final int BATCH_BYTES_MAX = 8 << 20;
    /** Most items in a batch. */
    public static final int BATCH_ITEMS_MAX = 4096;
    /** Most pages of level 0 that one question may hold. */
    public static final int ASK_PAGES_MAX = 64;
    public static final int ASK_BYTES_MAX = ASK_PAGES_MAX * Page.SIZE_BYTES;
    /** Most pages of level 0 that may be asked for by their ids at once. */
    public static final int KNOWN_IDS_MAX = 4096;
    public static final int KNOWN_BYTES_MAX = KNOWN_IDS_MAX * Digest.SIZE_BYTES;
    /** Most chunks, or pages, that are asked for at once; so many always fit in a batch. */
    public static final int READ_ITEMS_MAX = 64;
    /** Most changed ranges that a diff gives at once. */
    public static final int DIFF_RANGES_MAX = 10_000;

    private Api() {}
}
