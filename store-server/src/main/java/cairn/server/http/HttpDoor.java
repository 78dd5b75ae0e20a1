package cairn.server.http;

import java.util.concurrent.CompletionStage;

/** One protocol over HTTP. */
public interface HttpDoor {
    /** The service for which requests that come in here are signed. */
    String service();

    /** Whether requests for this path, without its query, come in here. */
    boolean serves(String path);

    /**
     * Finds what answers a request. Called on an event loop; does not block.
     *
     * @param method in capitals
     * @throws cairn.StoreException NOT_FOUND for an unknown path, INVALID_REQUEST for a method that it does not have
     */
    Route route(String method, String path);

    /**
     * The failure as this protocol tells it: a {@link cairn.sigv4.SigV4Exception} if the request was not proven to come
     * from a known key, for this door and now.
     *
     * @param requestId which the answer carries in its head, too
     */
    HttpReply failed(Throwable failure, String requestId);

    /**
     * What answers a kind of request.
     *
     * @param requestBytesMax the longest body that is taken
     * @param replyBytesMax the longest body that is answered
     */
    record Route(int requestBytesMax, int replyBytesMax, Handler handler) {}

    /** Answers a request. It is called on a thread that may block, and may finish on any other. */
    @FunctionalInterface
    interface Handler {
        CompletionStage<HttpReply> answer(HttpCall call);
    }
}
