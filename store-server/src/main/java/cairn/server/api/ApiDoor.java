package cairn.server.api;

import static cairn.Fault.INTERNAL;
import static cairn.Fault.INVALID_REQUEST;
import static cairn.Fault.NOT_FOUND;

import cairn.Fault;
import cairn.StoreException;
import cairn.Text;
import cairn.api.Api;
import cairn.api.Json;
import cairn.api.Messages.Failure;
import cairn.server.http.HttpCall;
import cairn.server.http.HttpDoor;
import cairn.server.http.HttpReply;
import cairn.sigv4.SigV4Exception;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/** The door of our own API. {@link cairn.api.Api} lists what it answers. */
public final class ApiDoor implements HttpDoor {
    private static final int SMALL = Api.JSON_BYTES_MAX;
    private static final int BATCH = Api.BATCH_BYTES_MAX;

    /** Answers a request whose path held an id, perhaps. */
    @FunctionalInterface
    interface Action {
        HttpReply answer(HttpCall call, String id);
    }

    /** The same, where the answer comes later. */
    @FunctionalInterface
    interface LaterAction {
        CompletableFuture<HttpReply> answer(HttpCall call, String id);
    }

    /** @param path its segments behind {@link Api#PREFIX}; {@code ID} stands for any one */
    private record Endpoint(String method, List<String> path, int requestBytesMax, int replyBytesMax, LaterAction action) {
        boolean hasPath(List<String> segments) {
            if (segments.size() != path.size()) {
                return false;
            }
            for (int i = 0; i < segments.size(); i++) {
                if (!path.get(i).equals("ID") && !path.get(i).equals(segments.get(i))) {
                    return false;
                }
            }
            return true;
        }

        String idOf(List<String> segments) {
            int at = path.indexOf("ID");
            return at < 0 ? "" : segments.get(at);
        }
    }

    private final List<Endpoint> endpoints = new ArrayList<>();

    public ApiDoor(
            StoreInfoApi store,
            UploadApi uploads,
            ImageApi images,
            BootProfileApi bootProfiles,
            SnapshotApi snapshots,
            VolumeApi volumes,
            DiskApi disks,
            AccountApi accounts,
            BackupApi backups,
            GcApi gc,
            ExplainApi explain,
            ScrubApi scrubs) {
        add("GET", "store", 0, SMALL, (call, id) -> store.info(call));
        add("GET", "stats", 0, SMALL, (call, id) -> store.stats(call));
        add("POST", "uploads", SMALL, SMALL, (call, id) -> uploads.start(call));
        add("POST", "uploads/ID/known", Api.KNOWN_BYTES_MAX, SMALL, uploads::known);
        add("POST", "uploads/ID/ask", Api.ASK_BYTES_MAX, SMALL, uploads::ask);
        add("POST", "uploads/ID/items", BATCH, SMALL, uploads::putItems);
        add("POST", "uploads/ID/commit", SMALL, SMALL, uploads::commit);
        add("DELETE", "uploads/ID", 0, SMALL, uploads::cancel);
        add("GET", "images", 0, SMALL, (call, id) -> images.list(call));
        add("GET", "images/ID", 0, SMALL, images::show);
        add("GET", "images/ID/proof", 0, SMALL, images::proof);
        add("GET", "images/ID/profile", 0, SMALL, bootProfiles::show);
        add("PUT", "images/ID/sharing", SMALL, SMALL, images::share);
        add("PUT", "images/ID/tags", SMALL, SMALL, images::tag);
        add("POST", "images/ID/copies", SMALL, SMALL, images::copy);
        add("DELETE", "images/ID", 0, SMALL, images::remove);
        add("GET", "snapshots", 0, SMALL, (call, id) -> snapshots.list(call));
        add("GET", "snapshots/ID", 0, SMALL, snapshots::show);
        add("PUT", "snapshots/ID/sharing", SMALL, SMALL, snapshots::share);
        add("PUT", "snapshots/ID/tags", SMALL, SMALL, snapshots::tag);
        add("POST", "snapshots/ID/copies", SMALL, SMALL, snapshots::copy);
        add("DELETE", "snapshots/ID", 0, SMALL, snapshots::remove);
        add("GET", "volumes", 0, SMALL, (call, id) -> volumes.list(call));
        add("POST", "volumes", SMALL, SMALL, (call, id) -> volumes.create(call));
        add("GET", "volumes/ID", 0, SMALL, volumes::show);
        add("PUT", "volumes/ID/tags", SMALL, SMALL, volumes::tag);
        add("DELETE", "volumes/ID", 0, SMALL, volumes::remove);
        add("POST", "volumes/ID/snapshots", SMALL, SMALL, snapshots::start);
        add("POST", "volumes/ID/images", SMALL, SMALL, snapshots::startImage);
        add("GET", "disks/ID/pages", 0, BATCH, disks::pages);
        add("GET", "disks/ID/chunks", 0, BATCH, disks::chunks);
        add("GET", "diff", 0, SMALL, (call, id) -> disks.diff(call));
        add("POST", "exports/ID", SMALL, SMALL, disks::export);
        add("GET", "gc", 0, SMALL, (call, id) -> gc.status(call));
        add("POST", "gc", SMALL, SMALL, (call, id) -> gc.act(call));
        add("GET", "scrub", 0, SMALL, (call, id) -> scrubs.status(call));
        add("POST", "scrub", SMALL, SMALL, (call, id) -> scrubs.act(call));
        add("GET", "scrub/damage", 0, SMALL, (call, id) -> scrubs.damage(call));
        add("POST", "backup", SMALL, SMALL, (call, id) -> backups.start(call));
        add("GET", "backup/ID", 0, SMALL, backups::show);
        later("usage", (call, id) -> explain.usage(call));
        later("usage/holders", (call, id) -> explain.holders(call));
        later("usage/accounts", (call, id) -> explain.accounts(call));
        later("images/ID/explanation", explain::image);
        later("snapshots/ID/explanation", explain::snapshot);
        later("volumes/ID/explanation", explain::volume);
        later("accounts/ID/explanation", explain::account);
        later("chunks/ID/explanation", explain::chunk);
        add("GET", "accounts", 0, SMALL, (call, id) -> accounts.list(call));
        add("POST", "accounts", SMALL, SMALL, (call, id) -> accounts.create(call));
        add("GET", "keys", 0, SMALL, (call, id) -> accounts.listKeys(call));
        add("POST", "keys", SMALL, SMALL, (call, id) -> accounts.createKey(call));
        add("PUT", "keys/ID", SMALL, SMALL, accounts::changeKey);
        add("DELETE", "keys/ID", 0, SMALL, accounts::deleteKey);
    }

    private void add(String method, String path, int requestBytesMax, int replyBytesMax, Action action) {
        addLater(method, path, requestBytesMax, replyBytesMax, (call, id) ->
                CompletableFuture.completedFuture(action.answer(call, id)));
    }

    private void addLater(
            String method, String path, int requestBytesMax, int replyBytesMax, LaterAction action) {
        endpoints.add(new Endpoint(method, List.of(path.split("/")), requestBytesMax, replyBytesMax, action));
    }

    /** What is asked for, and takes a while. */
    private void later(String path, LaterAction action) {
        addLater("GET", path, 0, SMALL, action);
    }

    @Override
    public String service() {
        return Api.SERVICE;
    }

    @Override
    public boolean serves(String path) {
        return path.startsWith(Api.PREFIX);
    }

    @Override
    public Route route(String method, String path) {
        List<String> segments = Arrays.asList(path.substring(Api.PREFIX.length()).split("/", -1));
        List<Endpoint> there = endpoints.stream().filter(each -> each.hasPath(segments)).toList();
        if (there.isEmpty()) {
            throw new StoreException(NOT_FOUND, "nothing is served at " + Text.shown(path));
        }
        return there.stream()
                .filter(each -> each.method.equals(method))
                .findFirst()
                .map(each -> new Route(
                        each.requestBytesMax,
                        each.replyBytesMax,
                        call -> each.action.answer(call, each.idOf(segments))))
                .orElseThrow(() -> new StoreException(
                        INVALID_REQUEST, "there is no " + Text.shown(method) + " of " + Text.shown(path)));
    }

    @Override
    public HttpReply failed(Throwable failure, String requestId) {
        Throwable cause = Fault.cause(failure);
        if (cause instanceof SigV4Exception e) {
            return failed(e.fault(), e.getMessage());
        }
        Fault fault = Fault.of(cause);
        return failed(fault, fault == INTERNAL ? "the server failed; its log says why" : cause.getMessage());
    }

    private static HttpReply failed(Fault fault, String message) {
        return new HttpReply(status(fault), Api.JSON_TYPE, Json.encode(new Failure(fault, message)), Map.of());
    }

    private static int status(Fault fault) {
        return switch (fault) {
            case INVALID_REQUEST -> 400;
            case UNAUTHENTICATED -> 401;
            case FORBIDDEN -> 403;
            case NOT_FOUND -> 404;
            case CONFLICT -> 409;
            case TOO_LARGE -> 413;
            case CORRUPT, INTERNAL -> 500;
            case UNAVAILABLE -> 502;
            case SHUTTING_DOWN -> 503;
            case NO_SPACE -> 507;
        };
    }

    static HttpReply json(Object message) {
        return HttpReply.of(Api.JSON_TYPE, Json.encode(message));
    }

    static HttpReply binary(byte[] bytes) {
        return HttpReply.of(Api.BINARY_TYPE, bytes);
    }

    /** A member of a message that must be there. @throws StoreException INVALID_REQUEST, naming it */
    static <T> T required(String name, T value) {
        if (value == null) {
            throw new StoreException(INVALID_REQUEST, "member " + name + " is missing");
        }
        return value;
    }
}
