// Starts Swagger UI, which its own script has put on the window.
const place = document.getElementById("swagger-ui");
window.SwaggerUIBundle({ url: place.dataset.url, domNode: place, deepLinking: true });
