// quad.frag - a picture with premultiplied alpha.

uniform sampler2D picture;

varying vec2 v_texture_point;

void main() {
    gl_FragColor = texture2D(picture, v_texture_point);
}
