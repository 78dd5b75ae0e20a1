package cairn.server.http;

/** One protocol over HTTP. */
public interface HttpDoor {
    /** Whether requests for this path, without its query, come in here. */
    boolean serves(String path);

    /**
     * Finds what answers a request. Called on an event loop; does not block.
     *
     * @param method in capitals
     * @throws cairn.StoreException NOT_FOUND for an unknown path, INVALID_REQUEST for a method that it does not have
     */
    Route route(String method, String path);

    /** The failure as this protocol tells it. */
    HttpReply failed(Throwable failure);

    /**
     * What answers a kind of request.
     *
     * @param requestBytesMax the longest body that is taken
     * @param replyBytesMax the longest body that is answered
     */
    record Route(int requestBytesMax, int replyBytesMax, Handler handler) {}

    /** Answers a request, on a thread that may block. */
    @FunctionalInterface
    interface Handler {
        HttpReply answer(HttpCall call);
    }
}
