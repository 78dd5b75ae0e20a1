package cairn.server.ebs;

import static cairn.Fault.INTERNAL;
import static cairn.Fault.NOT_FOUND;
import static cairn.server.ebs.EbsFailure.Reason.INVALID_BLOCK;
import static java.util.concurrent.CompletableFuture.completedFuture;
import static java.util.concurrent.CompletableFuture.failedFuture;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.image.SnapshotId;
import cairn.server.account.ClientTokens;
import cairn.server.account.Encryption;
import cairn.server.account.SignedTokens;
import cairn.server.ebs.EbsFailure.Type;
import cairn.server.http.HttpDoor;
import cairn.server.http.HttpReply;
import cairn.server.image.PendingSnapshots;
import cairn.server.image.SnapshotRegistry;
import cairn.server.storage.ChunkStore;
import cairn.server.upload.BlockUploads;
import cairn.sigv4.SigV4Exception;
import java.time.Clock;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;

/** The EBS direct API under {@code /snapshots}: finds which of the six operations a request is for. */
public final class EbsDoor implements HttpDoor {
    private static final String PREFIX = "/snapshots";
    /** 50 tags of the longest keys and values, every character escaped, and the rest. */
    private static final int START_BYTES_MAX = 256 << 10;
    /** Of a request that has no body of its own. */
    private static final int EMPTY_BYTES_MAX = 1 << 10;
    private static final int START_REPLY_BYTES_MAX = 128 << 10;
    private static final int SMALL_REPLY_BYTES_MAX = 4 << 10;
    /** 10,000 blocks with two tokens each. */
    private static final int LIST_REPLY_BYTES_MAX = 2 << 20;

    private final BlockWriting writing;
    private final BlockReading reading;

    private interface Operation {
        CompletionStage<HttpReply> answer(EbsRequest request);
    }

    /** @param pending all snapshots that cannot be read yet, those of {@code uploads} among them */
    public EbsDoor(
            BlockUploads uploads,
            List<PendingSnapshots> pending,
            SnapshotRegistry snapshots,
            ChunkStore chunks,
            ClientTokens clientTokens,
            Encryption encryption,
            SignedTokens tokens,
            Clock clock) {
        this.writing = new BlockWriting(uploads, snapshots, clientTokens, encryption);
        this.reading = new BlockReading(snapshots, pending, chunks, new BlockTokens(tokens, clock));
    }

    @Override
    public String service() {
        return "ebs";
    }

    @Override
    public boolean serves(String path) {
        return path.equals(PREFIX) || path.startsWith(PREFIX + '/');
    }

    @Override
    public Route route(String method, String path) {
        List<String> parts = Arrays.asList(path.substring(1).split("/", -1));
        String last = parts.get(parts.size() - 1);
        if (parts.size() == 1 && method.equals("POST")) {
            return route(START_BYTES_MAX, START_REPLY_BYTES_MAX, request -> completedFuture(writing.start(request)));
        }
        if (parts.size() == 3 && parts.get(1).equals("completion") && method.equals("POST")) {
            return route(EMPTY_BYTES_MAX, SMALL_REPLY_BYTES_MAX, request -> writing.complete(request, snapshot(last)));
        }
        if (parts.size() == 3 && method.equals("GET") && last.equals("blocks")) {
            return route(EMPTY_BYTES_MAX, LIST_REPLY_BYTES_MAX,
                    request -> completedFuture(reading.list(request, snapshot(parts.get(1)))));
        }
        if (parts.size() == 3 && method.equals("GET") && last.equals("changedblocks")) {
            return route(EMPTY_BYTES_MAX, LIST_REPLY_BYTES_MAX,
                    request -> completedFuture(reading.listChanged(request, snapshot(parts.get(1)))));
        }
        if (parts.size() == 4 && parts.get(2).equals("blocks") && method.equals("PUT")) {
            return route(BlockUploads.BLOCK_BYTES, SMALL_REPLY_BYTES_MAX,
                    request -> writing.put(request, snapshot(parts.get(1)), blockIndex(last)));
        }
        if (parts.size() == 4 && parts.get(2).equals("blocks") && method.equals("GET")) {
            return route(EMPTY_BYTES_MAX, BlockUploads.BLOCK_BYTES,
                    request -> completedFuture(reading.get(request, snapshot(parts.get(1)), blockIndex(last))));
        }
        throw new StoreException(NOT_FOUND, "there is no " + Text.shown(method) + " of " + Text.shown(path));
    }

    private static SnapshotId snapshot(String part) {
        return EbsRequest.snapshotId("the snapshot id", part);
    }

    private static int blockIndex(String part) {
        try {
            return EbsRequest.number("the block index", part, EbsRequest.BLOCK_INDEX_MAX);
        } catch (EbsFailure e) {
            throw EbsFailure.invalid(INVALID_BLOCK, e.getMessage());
        }
    }

    private static Route route(int requestBytesMax, int replyBytesMax, Operation operation) {
        return new Route(requestBytesMax, replyBytesMax, call -> {
            CompletionStage<HttpReply> answer;
            try {
                answer = operation.answer(new EbsRequest(call));
            } catch (RuntimeException e) {
                answer = failedFuture(e);
            }
            return answer.exceptionally(EbsDoor::refusal);
        });
    }

    /** A refusal is an answer like others; what fails besides is told, and logged, as the server's own failure. */
    private static HttpReply refusal(Throwable failure) {
        Throwable cause = Fault.cause(failure);
        if (cause instanceof EbsFailure told) {
            return told.reply();
        }
        if (cause instanceof StoreException refused) {
            return EbsFailure.of(refused).map(EbsFailure::reply).orElseThrow(() -> refused);
        }
        throw new CompletionException(cause);
    }

    /** Refused before an operation was asked, or failed. */
    @Override
    public HttpReply failed(Throwable failure, String requestId) {
        Throwable cause = Fault.cause(failure);
        if (cause instanceof SigV4Exception unproven) {
            return EbsFailure.of(unproven).reply();
        }
        Fault fault = Fault.of(cause);
        if (fault == NOT_FOUND) {
            return new EbsFailure(Type.UNKNOWN_OPERATION, cause.getMessage()).reply();
        }
        if (fault != INTERNAL && cause instanceof StoreException refused && EbsFailure.of(refused).isPresent()) {
            return EbsFailure.of(refused).get().reply();
        }
        return new EbsFailure(Type.INTERNAL, switch (fault) {
            case NO_SPACE -> "the store has no space left";
            case SHUTTING_DOWN -> "the server is going down; ask again later";
            case CORRUPT -> "what is stored is damaged; the server's log says more";
            default -> "the server failed; its log says why";
        }).reply();
    }
}
