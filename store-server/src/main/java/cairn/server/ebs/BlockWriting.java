package cairn.server.ebs;

import static cairn.server.ebs.EbsFailure.Reason.DEPENDENCY_ACCESS_DENIED;
import static cairn.server.ebs.EbsFailure.Reason.DEPENDENCY_RESOURCE_NOT_FOUND;
import static cairn.server.ebs.EbsFailure.Reason.INVALID_BLOCK;
import static cairn.server.ebs.EbsFailure.Reason.INVALID_CONTENT_ENCODING;
import static cairn.server.ebs.EbsFailure.Reason.INVALID_SNAPSHOT_ID;
import static cairn.server.ebs.EbsFailure.Reason.INVALID_VOLUME_SIZE;
import static cairn.server.ebs.EbsFailure.Reason.WRITE_REQUEST_TIMEOUT;

import cairn.Digest;
import cairn.Fault;
import cairn.StoreException;
import cairn.image.AccountId;
import cairn.image.SnapshotId;
import cairn.server.account.Access.Right;
import cairn.server.account.Caller;
import cairn.server.account.ClientTokens;
import cairn.server.account.Encryption;
import cairn.server.ebs.EbsFailure.Type;
import cairn.server.ebs.NewSnapshotParser.NewSnapshotRequest;
import cairn.server.http.HttpReply;
import cairn.server.image.Snapshot;
import cairn.server.image.SnapshotInProgress;
import cairn.server.image.SnapshotRegistry;
import cairn.server.image.SnapshotSettings;
import cairn.server.storage.Catalog.Change;
import cairn.server.upload.BlockUploads;
import cairn.server.upload.BlockUploads.Outcome;
import cairn.server.upload.NewBlockSnapshot;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;

/** Begins, writes and completes snapshots. */
final class BlockWriting {
    private static final String OPERATION = "StartSnapshot";
    private static final String COMPLETED = "completed";
    private static final String PENDING = "pending";
    private static final String FAILED = "error";
    private static final String SHA256 = "SHA256";
    private static final String CHECKSUM_HEADER = "x-amz-checksum";
    private static final String ALGORITHM_HEADER = "x-amz-checksum-algorithm";
    private static final String METHOD_HEADER = "x-amz-checksum-aggregation-method";
    private static final String LENGTH_HEADER = "x-amz-data-length";
    private static final int PROGRESS_MAX = 100;
    /** After that a completion is answered as pending, before clients give up waiting. */
    private static final int COMPLETION_SECONDS_MAX = 15;

    private final BlockUploads uploads;
    private final SnapshotRegistry snapshots;
    private final ClientTokens clientTokens;
    private final Encryption encryption;

    BlockWriting(
            BlockUploads uploads, SnapshotRegistry snapshots, ClientTokens clientTokens, Encryption encryption) {
        this.uploads = uploads;
        this.snapshots = snapshots;
        this.clientTokens = clientTokens;
        this.encryption = encryption;
    }

    /** StartSnapshot. */
    HttpReply start(EbsRequest request) {
        NewSnapshotRequest wanted = NewSnapshotParser.parse(request.call().body());
        Caller caller = request.caller();
        SnapshotId id = madeBefore(caller, wanted).orElseGet(() -> begin(caller, wanted));
        return uploads.find(caller, id)
                .map(BlockWriting::described)
                .orElseGet(() -> described(snapshots.read(caller, Right.SEE, id)));
    }

    private Optional<SnapshotId> madeBefore(Caller caller, NewSnapshotRequest wanted) {
        return wanted.clientToken()
                .flatMap(token -> clientTokens.find(caller, OPERATION, token, wanted.parameters(), () ->
                        new EbsFailure(Type.CONFLICT, "the client token was used before, with other parameters")))
                .map(SnapshotId::new);
    }

    private SnapshotId begin(Caller caller, NewSnapshotRequest wanted) {
        wanted.parent().ifPresent(parent -> requireUsable(caller, parent));
        NewBlockSnapshot snapshot = new NewBlockSnapshot(
                wanted.sizeGib(),
                wanted.parent(),
                wanted.description(),
                wanted.tags(),
                wanted.timeout(),
                settings(caller, wanted));
        try {
            return uploads.start(caller, snapshot, id -> remembering(caller, wanted, id)).id();
        } catch (StoreException e) {
            if (e.fault() == Fault.CONFLICT) {
                // Perhaps the same request was quicker, on another connection.
                return madeBefore(caller, wanted)
                        .orElseThrow(() -> new EbsFailure(Type.CONCURRENT_LIMIT, e.getMessage()));
            }
            throw switch (e.fault()) {
                case NOT_FOUND -> new EbsFailure(Type.NOT_FOUND, DEPENDENCY_RESOURCE_NOT_FOUND, e.getMessage());
                case FORBIDDEN -> new EbsFailure(Type.ACCESS_DENIED, DEPENDENCY_ACCESS_DENIED, e.getMessage());
                case INVALID_REQUEST -> EbsFailure.invalid(INVALID_VOLUME_SIZE, e.getMessage());
                default -> e;
            };
        }
    }

    private void requireUsable(Caller caller, SnapshotId parent) {
        if (uploads.find(caller, parent).isPresent()) {
            throw EbsFailure.invalid(INVALID_SNAPSHOT_ID, "parent snapshot " + parent + " is not completed");
        }
        try {
            snapshots.read(caller, Right.READ, parent);
        } catch (StoreException e) {
            // Archived, for example. Whatever else is wrong with it is told where it is used.
            if (e.fault() == Fault.CONFLICT) {
                throw EbsFailure.invalid(INVALID_SNAPSHOT_ID, e.getMessage());
            }
        }
    }

    /** With a parent it is as that is, whatever the account's default. */
    private SnapshotSettings settings(Caller caller, NewSnapshotRequest wanted) {
        return wanted.parent().isPresent()
                ? SnapshotSettings.NEW
                : SnapshotSettings.of(encryption.choose(
                        caller, Encryption.Choice.PLAIN, wanted.isEncrypted(), wanted.keyArn()));
    }

    private List<Change> remembering(Caller caller, NewSnapshotRequest wanted, SnapshotId id) {
        return wanted.clientToken()
                .map(token -> clientTokens.keep(caller, OPERATION, token, wanted.parameters(), id.value()))
                .map(List::of)
                .orElse(List.of());
    }

    private static HttpReply described(SnapshotInProgress snapshot) {
        return described(
                snapshot.id(),
                snapshot.owner(),
                snapshot.failure().isPresent() ? FAILED : PENDING,
                snapshot.startedAt(),
                snapshot.sizeBytes(),
                snapshot.description(),
                snapshot.tags(),
                snapshot.parent(),
                snapshot.settings());
    }

    private static HttpReply described(Snapshot snapshot) {
        return described(
                snapshot.id(),
                snapshot.owner(),
                COMPLETED,
                snapshot.startedAt(),
                snapshot.root().sizeBytes(),
                snapshot.description(),
                snapshot.tags(),
                snapshot.parent(),
                snapshot.settings());
    }

    private static HttpReply described(
            SnapshotId id,
            AccountId owner,
            String status,
            Instant startedAt,
            long sizeBytes,
            String description,
            Map<String, String> tags,
            Optional<SnapshotId> parent,
            SnapshotSettings settings) {
        Map<String, Object> body = new LinkedHashMap<>();
        if (!description.isEmpty()) {
            body.put("Description", description);
        }
        body.put("SnapshotId", id.value());
        body.put("OwnerId", owner.value());
        body.put("Status", status);
        body.put("StartTime", EbsJson.time(startedAt));
        body.put("VolumeSize", BlockReading.sizeGib(sizeBytes));
        body.put("BlockSize", BlockUploads.BLOCK_BYTES);
        if (!tags.isEmpty()) {
            List<Map<String, Object>> list = new ArrayList<>();
            new TreeMap<>(tags).forEach((key, value) -> list.add(Map.of("Key", key, "Value", value)));
            body.put("Tags", list);
        }
        parent.ifPresent(each -> body.put("ParentSnapshotId", each.value()));
        settings.keyId().ifPresent(key -> body.put("KmsKeyArn", key));
        body.put("SseType", settings.isEncrypted() ? "sse-kms" : "none");
        return EbsJson.reply(201, body);
    }

    /** PutSnapshotBlock: answered when the block would survive a crash. */
    CompletionStage<HttpReply> put(EbsRequest request, SnapshotId id, int blockIndex) {
        byte[] block = request.call().body();
        int lengthBytes = request.readHeaderNumber(LENGTH_HEADER, Integer.MAX_VALUE);
        if (lengthBytes != BlockUploads.BLOCK_BYTES) {
            throw EbsFailure.invalidParameter(
                    LENGTH_HEADER, Integer.toString(BlockUploads.BLOCK_BYTES), Integer.toString(lengthBytes));
        }
        Digest checksum =
                request.findChecksum(CHECKSUM_HEADER).orElseThrow(() -> EbsFailure.missing(CHECKSUM_HEADER));
        if (!request.hasOnly(ALGORITHM_HEADER, SHA256)) {
            throw EbsFailure.missing(ALGORITHM_HEADER);
        }
        Optional<Integer> progress = request.findHeaderNumber("x-amz-progress", PROGRESS_MAX);
        request.call().findHeader("content-encoding").filter(each -> !each.equals("identity")).ifPresent(each -> {
            throw EbsFailure.invalid(INVALID_CONTENT_ENCODING, "a block is sent as it is, without a content encoding");
        });
        if (block.length != lengthBytes) {
            throw EbsFailure.invalid(
                    INVALID_BLOCK, "a block has " + lengthBytes + " bytes, " + block.length + " were sent");
        }
        Map<String, String> headers = Map.of(
                "x-amz-Checksum", Base64.getEncoder().encodeToString(checksum.toBytes()),
                "x-amz-Checksum-Algorithm", SHA256);
        try {
            return uploads.putBlock(request.caller(), id, blockIndex, block, checksum, progress)
                    .thenApply(written -> new HttpReply(201, "", new byte[0], headers));
        } catch (StoreException e) {
            throw refused(request.caller(), id, e);
        }
    }

    private RuntimeException refused(Caller caller, SnapshotId id, StoreException e) {
        if (e.fault() == Fault.INVALID_REQUEST) {
            return EbsFailure.invalid(INVALID_BLOCK, e.getMessage());
        }
        boolean hasFailed = e.fault() == Fault.CONFLICT
                && uploads.find(caller, id).flatMap(SnapshotInProgress::failure).isPresent();
        return hasFailed ? EbsFailure.invalid(WRITE_REQUEST_TIMEOUT, e.getMessage()) : e;
    }

    /** CompleteSnapshot: answered when it is completed; as pending where that takes long, and it goes on. */
    CompletionStage<HttpReply> complete(EbsRequest request, SnapshotId id) {
        int changedBlocks = request.readHeaderNumber("x-amz-changedblockscount", Integer.MAX_VALUE);
        Optional<Digest> checksum = request.findChecksum(CHECKSUM_HEADER);
        request.hasOnly(ALGORITHM_HEADER, SHA256);
        request.hasOnly(METHOD_HEADER, "LINEAR");
        return uploads.complete(request.caller(), id, changedBlocks, checksum)
                .thenApply(outcome -> outcome == Outcome.COMPLETED ? COMPLETED : FAILED)
                .completeOnTimeout(PENDING, COMPLETION_SECONDS_MAX, TimeUnit.SECONDS)
                .thenApply(status -> EbsJson.reply(202, Map.of("Status", status)));
    }
}
