import adapter from '@sveltejs/adapter-static';

export default {
  adapter: adapter({ fallback: 'app-shell.html', pages: '../build', assets: '../build' }),
  files: { src: '.' },
};
