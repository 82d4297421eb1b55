// A Cache API that has nothing: every submission of a bench is new.
export default {
  fetch() {
    return new Response(null, { status: 504, headers: { "cf-cache-status": "MISS" } });
  },
};
